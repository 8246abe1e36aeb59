"""How apps are measured: one module a protocol, each with `run(case, trails, models) -> CaseResult` (see base.py)."""
