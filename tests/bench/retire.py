#!/usr/bin/python3
"""retire.py --bin build/release/bin: retires 200 machines with 1, 8 and 32 workers, with tasks of 0 s and of 1 s.

Beside each figure stand VMware's own Python client with as many threads in the same run, and the ideal: the vCenter's own
time for the calls, divided by the number of workers. Ratios travel between machines; seconds do not.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import ssl
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from scenario import inventory, machine  # noqa: E402
from stack import Domain, Stack, Vcenter, wait_for  # noqa: E402

COUNT = 200
A_REQUEST = 25


def machines():
    return [machine(f"m-{i:03}", "other", i, tools="not_running") for i in range(COUNT)]


def with_decomd(binary, domain, folder, workers, task_ms):
    vcenter = Vcenter(binary / "test-vcenter", folder, "lab", ["--task-ms", str(task_ms)], inventory(machines()))
    stack = Stack(binary, [vcenter], domain, folder=folder, daemon={"workers": workers, "most_per_vcenter": workers})
    try:
        stack.start()
        stack.login("alice")
        stack.wait_loaded("alice", COUNT)
        token = stack.token("alice")
        names = [m["name"] for m in machines()]
        plans = [stack.api("POST", "/v1/plans", {"machines": names[i : i + A_REQUEST]}, token)[1] for i in range(0, COUNT, A_REQUEST)]
        started = time.monotonic()
        requests = [stack.api("POST", "/v1/requests", {"plan": p["plan"], "hash": p["hash"]}, token)[1]["id"] for p in plans]

        def all_done():
            rows = stack.api("GET", f"/v1/requests?limit={len(requests)}", token=token)[1]["items"]
            return all(row["state"] == "succeeded" for row in rows if row["id"] in requests)

        wait_for(all_done, 900)
        return time.monotonic() - started
    finally:
        stack.stop()
        vcenter.stop()


def with_pyvmomi(binary, folder, threads, task_ms):
    from pyVim.connect import Disconnect, SmartConnect
    from pyVim.task import WaitForTask
    from pyVmomi import vim

    vcenter = Vcenter(binary / "test-vcenter", folder, "peer", ["--task-ms", str(task_ms)], inventory(machines()))
    try:
        host, port = vcenter.url.split("//")[1].split("/")[0].split(":")
        context = ssl.create_default_context(cafile=str(vcenter.ca))
        context.check_hostname = False

        def connect():
            return SmartConnect(host=host, port=int(port), user="colleague@vsphere.local", pwd="by-other-means", sslContext=context)

        service = connect()
        content = service.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        ids = [vm._moId for vm in view.view]
        services = [connect() for _ in range(threads)]

        def retire(index):
            own = services[index]
            for moid in ids[index::threads]:
                vm = vim.VirtualMachine(moid, own._stub)
                WaitForTask(vm.PowerOffVM_Task(), own)
                WaitForTask(vm.Destroy_Task(), own)

        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(retire, range(threads)))
        seconds = time.monotonic() - started
        for own in (*services, service):
            Disconnect(own)
        return seconds
    finally:
        vcenter.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--workers", default="1,8,32")
    parser.add_argument("--task-ms", default="0,1000")
    options = parser.parse_args()
    binary = pathlib.Path(options.bin).resolve()
    base = pathlib.Path(tempfile.mkdtemp(prefix="decom-bench-"))
    domain = Domain(base / "domain")
    print(f"{COUNT} machines, power off and destroy; {os.cpu_count()} processors; seconds, and ratios within this run")
    print(f"{'task':>6} {'workers':>8} {'decomd':>9} {'pyvmomi':>9} {'ideal':>9} {'decomd/ideal':>13} {'decomd/pyvmomi':>15}")
    try:
        for task_ms in map(int, options.task_ms.split(",")):
            for workers in map(int, options.workers.split(",")):
                seconds = []
                for run in (lambda f: with_decomd(binary, domain, f, workers, task_ms), lambda f: with_pyvmomi(binary, f, workers, task_ms)):
                    folder = pathlib.Path(tempfile.mkdtemp(dir=base))
                    seconds.append(run(folder))
                    shutil.rmtree(folder, ignore_errors=True)
                ideal = COUNT * 2 * task_ms / 1000 / workers
                ratio = f"{seconds[0] / ideal:13.2f}" if ideal else f"{'-':>13}"
                print(f"{task_ms:>4}ms {workers:>8} {seconds[0]:>9.2f} {seconds[1]:>9.2f} {ideal:>9.2f} {ratio} {seconds[0] / seconds[1]:>15.2f}", flush=True)
    finally:
        domain.stop()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
