# Runs unchanged on MicroPython.
"""Runs functions of one module and prints a line for each: the half of the runner that lives in the other process.

Arguments: staging folder, folder of the module, module name, then the names of the functions.
"""

import sys


def show(error):
    """The traceback, in whichever way this Python prints one."""
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        print("".join(traceback.format_exception(error)))


def main(staging, folder, module_name, *names):
    sys.path.insert(0, staging)
    sys.path.insert(1, folder)
    module = __import__(module_name)
    for name in names:
        print("@@ begin", name)
        try:
            getattr(module, name)()
            print("@@ passed", name)
        except BaseException as error:  # a failing test must not hide the ones after it
            show(error)
            print("@@ failed", name)


main(*sys.argv[1:])
