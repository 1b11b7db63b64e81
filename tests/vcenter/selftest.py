#!/usr/bin/python3
"""The contract of the test vCenter, with pyvmomi as a client that is not ours.

selftest.py PROGRAM [contract.session_contract.Rights …]
"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from contract import harness  # noqa: E402

if __name__ == "__main__":
    harness.PROGRAM = sys.argv.pop(1)
    parts = sorted(path.stem for path in pathlib.Path(harness.__file__).parent.glob("*_contract.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:] or [f"contract.{part}" for part in parts])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
