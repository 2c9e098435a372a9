"""Runs a command and writes to a file what it took: measure.py REPORT COMMAND...

wait4 gives the processor time of the command and all that it waited for, and the peak memory of the largest process
among them, exactly; Node can ask only for its own. The memory cannot be below this interpreter's, about 10 MiB.
"""
import json
import os
import sys
import time

report, command = sys.argv[1], sys.argv[2:]
started = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - started
with open(report, "w") as file:
    figures = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peakMiB": usage.ru_maxrss / 1024}
    json.dump(figures, file)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
