"""Slots of a machine, with a script in the place of nvidia-smi: no GPU is needed, and none was there when written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from blueno.devices import WORKER_BYTES, Devices, cpu_slots, gpu_slots, memory_left, nvidia, usable_cores
from blueno.devices.locks import Lock, take
from blueno.environment import facts, fused, variables
from blueno.errors import BluenoError
from blueno.executors import Slot

THREE = """
0, GPU-aaaa0000-0000, NVIDIA A100-SXM4-80GB, 81920, 4
1, GPU-bbbb1111-0000, NVIDIA A100-SXM4-80GB, 81920, 4
2, GPU-cccc2222-0000, "Odd, with a comma", 16384, 4
"""
PLENTY = 1000 * WORKER_BYTES


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH for a program that stands for nvidia-smi."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return folder


def install(folder: Path, gpus: str = THREE, apps: str = "", code: int = 0, before: str = "") -> None:
    program = folder / "nvidia-smi"
    program.write_text(
        f"#!/bin/sh\n{before}\ncase \"$*\" in\n*query-gpu*) cat <<'END'\n{gpus.strip()}\nEND\n;;\n"
        f"*query-compute-apps*) cat <<'END'\n{apps}\nEND\n;;\nesac\nexit {code}\n"
    )
    program.chmod(0o755)


def devices(tmp_path: Path, told: list[str], wanted: str = "", per_device: int = 0, cpus: int = 0) -> Devices:
    return Devices(wanted, per_device, cpus, tell=told.append, locks=tmp_path / "locks")


def named(slots: list[Slot]) -> list[str]:
    return [slot.name for slot in slots]


def test_a_machine_without_gpus_has_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    slots = devices(tmp_path, told, cpus=1).slots_for({})
    assert slots == [Slot("cpu:0", "cpu", 1, "", 1.0)]
    assert told == []


def test_each_free_gpu_is_a_slot(machine: Path, tmp_path: Path) -> None:
    install(machine)
    slots = devices(tmp_path, []).slots_for({})
    assert named(slots) == ["gpu:GPU-aaaa0000-0000:0", "gpu:GPU-bbbb1111-0000:0", "gpu:GPU-cccc2222-0000:0"]
    assert {(slot.kind, slot.share) for slot in slots} == {("gpu", 1.0)}
    assert [slot.device for slot in slots] == ["GPU-aaaa0000-0000", "GPU-bbbb1111-0000", "GPU-cccc2222-0000"]


@pytest.mark.parametrize("wanted", ["2,0", " GPU-cccc, 0", "2,0,2"])
def test_gpus_can_be_chosen(machine: Path, tmp_path: Path, wanted: str) -> None:
    install(machine)
    slots = devices(tmp_path, [], wanted).slots_for({})
    assert [slot.device for slot in slots] == ["GPU-cccc2222-0000", "GPU-aaaa0000-0000"]


def test_a_gpu_that_is_not_there(machine: Path, tmp_path: Path) -> None:
    install(machine)
    with pytest.raises(
        BluenoError, match=r"there is no GPU 7; GPUs here: GPU 0 \(NVIDIA A100-SXM4-80GB, GPU-aaaa0000\)"
    ):
        devices(tmp_path, [], "7").slots_for({})


def test_the_cpu_can_be_chosen(machine: Path, tmp_path: Path) -> None:
    install(machine)
    assert devices(tmp_path, [], "cpu").slots_for({"gpus": 1})[0].kind == "cpu"
    assert devices(tmp_path, []).slots_for({"gpus": 0})[0].kind == "cpu"
    assert not (tmp_path / "locks").exists()


def test_what_somebody_uses_is_left_alone_and_said(machine: Path, tmp_path: Path) -> None:
    install(machine, apps=f"GPU-bbbb1111-0000, 4242\nGPU-aaaa0000-0000, {os.getpid()}")
    told: list[str] = []
    slots = devices(tmp_path, told).slots_for({})
    assert [slot.device for slot in slots] == ["GPU-aaaa0000-0000", "GPU-cccc2222-0000"]
    label = "GPU 1 (NVIDIA A100-SXM4-80GB, GPU-bbbb1111)"
    assert told == [f"{label} is left alone: process 4242 uses it (--devices 1 takes it)"]
    assert [slot.device for slot in devices(tmp_path, told, "1").slots_for({})] == ["GPU-bbbb1111-0000"]


def test_memory_in_use_counts_where_processes_are_hidden(machine: Path, tmp_path: Path) -> None:
    install(machine, gpus=THREE.replace("81920, 4", "81920, 60000", 1))
    told: list[str] = []
    assert len(devices(tmp_path, told).slots_for({})) == 2
    assert "somebody with 60000 MB of its memory uses it" in told[0]


def test_gpus_that_cuda_may_not_see(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-cccc2222-0000")
    slots = devices(tmp_path, []).slots_for({})
    assert [slot.device for slot in slots] == ["GPU-bbbb1111-0000", "GPU-cccc2222-0000"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices(tmp_path, []).slots_for({})[0].kind == "cpu"


def test_a_broken_driver_is_told(machine: Path, tmp_path: Path) -> None:
    install(machine, gpus="NVIDIA-SMI has failed because it couldn't communicate", code=9)
    told: list[str] = []
    assert devices(tmp_path, told).slots_for({})[0].kind == "cpu"
    assert told == ["GPUs are left out: nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate"]


def test_a_hanging_driver_is_told(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine, before="exec sleep 60")
    monkeypatch.setattr(nvidia, "TIMEOUT_S", 0.2)
    told: list[str] = []
    assert devices(tmp_path, told).slots_for({})[0].kind == "cpu"
    assert told == ["GPUs are left out: nvidia-smi did not answer within 0.2 s"]


def test_memory_that_is_not_told(machine: Path, tmp_path: Path) -> None:
    install(machine, gpus="0, GPU-aaaa0000-0000, NVIDIA GB10, [N/A], [N/A]")
    assert len(devices(tmp_path, []).slots_for({})) == 1


def test_a_sweep_that_needs_more_gpus_than_are_free(machine: Path, tmp_path: Path) -> None:
    with pytest.raises(BluenoError, match="0 GPUs are free here, and the sweep needs 1"):
        devices(tmp_path, []).slots_for({"gpus": 1})
    install(machine)
    with pytest.raises(BluenoError, match="3 GPUs are free here, and the sweep needs 4") as caught:
        devices(tmp_path, []).slots_for({"gpus": 4})
    assert caught.value.fix == "wait for them, or pass --devices cpu to train on the CPU"


# ---- sharing out


def test_packs_on_a_share_of_a_gpu_take_no_more_of_its_memory() -> None:
    name = "XLA_PYTHON_CLIENT_MEM_FRACTION"
    whole = Slot("gpu:a:0", "gpu", 1, "a", 1.0)
    assert fused(whole._replace(share=0.5), {})[name] == "0.45"
    assert fused(whole._replace(share=0.5), {name: "0.3"})[name] == "0.3"
    assert name not in fused(whole, {})


def test_what_a_worker_says_of_its_gpu(machine: Path, tmp_path: Path) -> None:
    install(machine)
    slots = devices(tmp_path, []).slots_for({"gpus": 2})
    told = facts(slots[0], "local")
    assert (told["executor"], told["gpu"]) == ("local", "NVIDIA A100-SXM4-80GB")
    assert told["gpu_memory_bytes"] == 2 * 81920 * 1024**2
    assert "gpu" not in facts(Slot("cpu:0", "cpu", 1, "", 1.0), "inline")


def test_shares_of_gpus() -> None:
    slots = gpu_slots(["a", "b"], 0.5, 0, 0, cores=8)
    assert named(slots) == ["gpu:a:0", "gpu:b:0", "gpu:a:1", "gpu:b:1"]
    assert {(slot.share, slot.threads) for slot in slots} == {(0.5, 2)}
    assert len(gpu_slots(["a"], 0.1, 0, 0, cores=8)) == 10
    assert len(gpu_slots(["a"], 0.3, 0, 0, cores=8)) == 3


def test_workers_on_each_gpu_can_be_told() -> None:
    slots = gpu_slots(["a", "b"], 1.0, 0, 3, cores=6)
    assert len(slots) == 6
    assert slots[0].share == pytest.approx(1 / 3)


def test_several_gpus_for_one_trial() -> None:
    slots = gpu_slots(["a", "b", "c", "d", "e"], 2.0, 0, 0, cores=8)
    assert [slot.device for slot in slots] == ["a,b", "c,d"]
    assert named(slots) == ["gpu:a+b:0", "gpu:c+d:0"]
    assert {(slot.share, slot.threads) for slot in slots} == {(2.0, 4)}


def test_cores_that_each_trial_needs_limit_the_slots_on_gpus() -> None:
    slots = gpu_slots(["a", "b", "c"], 1.0, 4, 0, cores=8)
    assert [(slot.device, slot.threads) for slot in slots] == [("a", 4), ("b", 4)]
    assert gpu_slots(["a"], 1.0, 16, 0, cores=8)[0].threads == 16


@pytest.mark.parametrize(
    ("cores", "threads", "workers", "expected"),
    [
        (4, 0, 0, [1, 1, 1, 1]),
        (4, 2, 0, [2, 2]),
        (5, 2, 0, [2, 2]),
        (4, 0, 2, [2, 2]),
        (4, 0, 3, [1, 1, 1]),
        (4, 0, 8, [1] * 8),
        (4, 3, 2, [3, 3]),
        (2, 8, 0, [8]),
    ],
)
def test_the_cores_are_shared_out(cores: int, threads: int, workers: int, expected: list[int]) -> None:
    slots = cpu_slots(cores, threads, workers, PLENTY)
    assert [slot.threads for slot in slots] == expected
    assert len(set(named(slots))) == len(slots)


def test_no_more_workers_than_memory() -> None:
    assert [slot.threads for slot in cpu_slots(8, 0, 0, 2 * WORKER_BYTES)] == [4, 4]
    assert len(cpu_slots(8, 0, 0, 1)) == 1
    assert len(cpu_slots(8, 0, 4, 1)) == 4  # who says how many gets them


def test_memory_that_a_trial_needs_limits_the_workers_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    free = psutil.virtual_memory().available
    here = Devices("cpu", 0, 0, tell=told.append, locks=tmp_path / "locks")
    assert len(here.slots_for({"memory_bytes": 10 * free})) == 1
    if usable_cores() > 1:
        assert told[0].startswith(f"1 worker, not {usable_cores()}: a trial needs ")
        assert "(resources.memory), and" in told[0]
    told.clear()
    assert len(here.slots_for({"memory_bytes": 1000})) == usable_cores()
    assert told == []


def test_small_trials_share_memory_that_large_ones_would_not() -> None:
    assert len(cpu_slots(8, 0, 0, 2 * WORKER_BYTES, WORKER_BYTES // 4)) == 8
    assert len(cpu_slots(8, 0, 0, 2 * WORKER_BYTES, 2 * WORKER_BYTES)) == 1


def test_gpus_that_are_too_small_are_left_alone(machine: Path, tmp_path: Path) -> None:
    install(machine)
    told: list[str] = []
    slots = devices(tmp_path, told).slots_for({"gpu_memory_bytes": 24 * 10**9})
    assert [slot.device for slot in slots] == ["GPU-aaaa0000-0000", "GPU-bbbb1111-0000"]
    assert told == [
        'GPU 2 ("Odd, with a comma", GPU-cccc2222) is left alone: it has 17.2 GB, and a trial needs 24.0 GB'
        " (resources.gpu_memory)"
    ]
    with pytest.raises(BluenoError, match=r"no free GPU has the 200\.0 GB that a trial needs"):
        devices(tmp_path / "other", []).slots_for({"gpu_memory_bytes": 200 * 10**9})


def test_shares_of_a_gpu_are_no_smaller_than_its_memory_allows(machine: Path, tmp_path: Path) -> None:
    install(machine)
    told: list[str] = []
    slots = devices(tmp_path, told, "2").slots_for({"gpus": 0.25, "gpu_memory_bytes": 8 * 10**9})
    assert [slot.share for slot in slots] == [0.5, 0.5]
    assert "2 workers on each GPU, not 4: a trial needs 8.0 GB (resources.gpu_memory)" in told[0]


# ---- locks


def test_a_lock_is_held_once_and_freed(tmp_path: Path) -> None:
    lock = take("GPU-a", tmp_path / "locks")
    assert isinstance(lock, Lock)
    assert f"process {os.getpid()}" in str(take("GPU-a", tmp_path / "locks"))
    assert isinstance(take("GPU-b", tmp_path / "locks"), Lock)
    lock.release()
    assert isinstance(take("GPU-a", tmp_path / "locks"), Lock)


def test_other_users_can_lock_it_too(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        take("GPU-a", tmp_path / "locks")
    finally:
        os.umask(before)
    assert (tmp_path / "locks").stat().st_mode & 0o7777 == 0o1777
    assert (tmp_path / "locks" / "GPU-a.lock").stat().st_mode & 0o777 == 0o666


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "locks" / "GPU-a.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        take("GPU-a", tmp_path / "locks")
    assert (tmp_path / "victim").read_text() == "precious"


HOLD = """
import sys, time
from pathlib import Path
from blueno.devices.locks import take
print(type(take("GPU-aaaa0000-0000", Path(sys.argv[1]))).__name__, flush=True)
time.sleep(60)
"""


def test_a_gpu_that_another_scheduler_holds(machine: Path, tmp_path: Path) -> None:
    install(machine)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "locks")], stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "Lock\n"
    told: list[str] = []
    slots = devices(tmp_path, told, "0,1").slots_for({})
    assert [slot.device for slot in slots] == ["GPU-bbbb1111-0000"]
    assert f"process {holder.pid}, holds it" in told[0]
    holder.kill()
    holder.communicate()
    assert isinstance(_when_free("GPU-aaaa0000-0000", tmp_path / "locks"), Lock)


def _when_free(name: str, folder: Path) -> Lock | str:
    for _ in range(100):
        if isinstance(lock := take(name, folder), Lock):
            return lock
        time.sleep(0.02)
    return lock


def test_closing_gives_the_gpus_back(machine: Path, tmp_path: Path) -> None:
    install(machine)
    first, second = devices(tmp_path, []), devices(tmp_path, [])
    assert len(first.slots_for({})) == len(first.slots_for({"gpus": 1})) == 3
    assert second.slots_for({})[0].kind == "cpu"
    first.close()
    second.close()
    assert len(second.slots_for({})) == 3
    second.close()


# ---- cores and environment


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu,cpuacct:/docker/1", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu,cpuacct:/", None),
        ({}, "", None),
    ],
)
def test_the_limits_of_a_container(tmp_path: Path, files: dict[str, str], own: str, expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own + "\n" if own else "")
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert usable_cores(tmp_path / "cgroup", tmp_path / "own") == (expected or mine)


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({"memory.max": "1000", "memory.current": "400", "memory.stat": "anon 200\ninactive_file 100"}, "0::/", 700),
        ({"memory.max": "100", "memory.current": "400"}, "0::/", 0),
        ({"memory.max": "max", "memory.current": "400"}, "0::/", None),
        ({"a/memory.max": "500", "a/memory.current": "1", "a/b/memory.max": "max"}, "0::/a/b", 499),
        ({"memory/memory.limit_in_bytes": "900", "memory/memory.usage_in_bytes": "1"}, "3:memory:/docker/1", 899),
        ({}, "", None),
    ],
)
def test_the_memory_that_a_container_leaves(
    tmp_path: Path, files: dict[str, str], own: str, expected: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own + "\n" if own else "")
    left = memory_left(tmp_path / "cgroup", tmp_path / "own")
    assert left == (float("inf") if expected is None else expected)


def test_a_worker_is_held_to_its_slot() -> None:
    cpu = variables(Slot("cpu:0", "cpu", 2, "", 1.0), {"KEPT": "1", "OMP_NUM_THREADS": "64"})
    assert (cpu["KEPT"], cpu["OMP_NUM_THREADS"], cpu["TF_NUM_INTRAOP_THREADS"]) == ("1", "2", "2")
    assert cpu["CUDA_VISIBLE_DEVICES"] == ""
    gpu = variables(Slot("gpu:a+b:0", "gpu", 2, "a,b", 2.0), {"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert gpu["CUDA_VISIBLE_DEVICES"] == "a,b"
    assert gpu["TF_CPP_MIN_LOG_LEVEL"] == "0"
