"""The command line: one verb a module, imported only when it is called."""


def main() -> int:
    return 0
