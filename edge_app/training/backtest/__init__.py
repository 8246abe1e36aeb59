"""`edge-app backtest`: deployed pipelines over recordings, beside what really happened; what-if, sweep, curve."""
