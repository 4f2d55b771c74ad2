import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from agentsched.errors import UserError
from agentsched.planning.inventory_file import inventory_of, load_inventory, this_machine


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / "machines.toml"
        path.write_text(text)
        return load_inventory(path)

    return load_text


def test_the_example_of_the_page_is_read_as_the_page_says(root: Path, load) -> None:
    page = (root / "docs/inventory-format.md").read_text()
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    inventory = load(example[1])
    assert [m.name for m in inventory.machines] == ["a100-1", "a100-2", "spare"]
    first, second, spare = inventory.machines
    assert (first.device, first.devices, first.device_memory) == ("A100", 8, 80)
    assert first.away == second.away
    assert first.away[0].start.utcoffset() == timedelta(hours=1)
    assert spare.spot
    assert spare.away[0].reason == "holidays"
    assert inventory.people[0].busy[0].reason == "dentist"
    assert inventory.data[0].machines == ("a100-1",)


def test_count_one_still_numbers_and_no_count_does_not(load) -> None:
    text = '[[machine]]\nname = "a"\ncount = 1\n[[machine]]\nname = "b"\n'
    assert [m.name for m in load(text).machines] == ["a-1", "b"]


def test_a_downtime_without_machines_is_everybodys(load) -> None:
    inventory = load(
        '[[machine]]\nname = "a"\ncount = 2\n[[machine]]\nname = "b"\n'
        "[[downtime]]\nstart = 2026-11-28T02:00:00Z\nend = 2026-11-28T04:00:00Z\n"
    )
    assert [len(m.away) for m in inventory.machines] == [1, 1, 1]


def test_a_stretch_over_the_change_of_clocks_is_as_long_as_it_lasts(load) -> None:
    """In Berlin 2026-10-25 has 25 hours; a wall clock would say 24."""
    (machine,) = load(
        'zone = "Europe/Berlin"\n[[machine]]\nname = "a"\n'
        "away = [{ start = 2026-10-25T00:00:00, end = 2026-10-26T00:00:00 }]\n"
    ).machines
    assert machine.away[0].end - machine.away[0].start == timedelta(hours=25)


def test_a_group_stands_for_its_machines_where_data_lies(load) -> None:
    inventory = load(
        '[[machine]]\nname = "a"\ncount = 2\n[[data]]\nname = "d"\nmachines = ["a", "a-1"]\n'
    )
    assert inventory.data[0].machines == ("a-1", "a-2")


MACHINE = '[[machine]]\nname = "a"\n'
DOWN = "[[downtime]]\nstart = {}\nend = {}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no machine in it, found nothing"),
        ("[[machines]]\n", "no machine in it, found machines"),
        ("machine = 3\n", "machine must be a list, got 3; see docs"),
        ("x =", "not valid TOML"),
        (MACHINE + "cpus = -3\n", "machine[0].cpus must be greater than or equal to 0, got -3"),
        (MACHINE + "cpu = 3\n", "machine[0].cpu is not a field; did you mean 'cpus'?"),
        (MACHINE + "count = 0\n", "machine[0].count must be greater than or equal to 1, got 0"),
        ("[[machine]]\ncpus = 1\n", "machine[0].name is missing; see docs"),
        (MACHINE + MACHINE, "machine names must differ, 'a' stands twice"),
        ('[[machine]]\nname = "a"\ncount = 99999\n' * 2, "at most 100000 machines"),
        ('zone = "Mars/Base"\n' + MACHINE, "no time zone 'Mars/Base'"),
        ('zone = "/etc/passwd"\n' + MACHINE, "no time zone '/etc/passwd'"),
        (MACHINE + DOWN.format("2026-11-28T02:00:00", "2026-11-28T04:00:00"), "has no offset"),
        (MACHINE + DOWN.format("2026-11-28T04:00:00Z", "2026-11-28T04:00:00Z"), "must be after"),
        # the hour that spring skips
        (
            'zone = "Europe/Berlin"\n'
            + MACHINE
            + DOWN.format("2026-03-29T02:30:00", "2026-03-29T04:00:00"),
            "does not exist in Europe/Berlin",
        ),
        (
            MACHINE + 'devices = 1\n[[data]]\nname = "d"\nmachines = ["aa"]\n',
            "data 'd': no machine 'aa'; did you mean 'a'?",
        ),
        ("[cluster]\n", "cluster.node is missing"),
        ("cluster = 3\n", "cluster must be a valid dictionary"),
        ('[cluster]\n[[cluster.node]]\ntype = "a"\ncount = 0\n', "cluster.node[0].count must be"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(load, text, said) -> None:
    with pytest.raises(UserError) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith("machines.toml: ")
    assert said in message
    assert "\n" not in message


def test_a_missing_file_and_one_that_is_no_list_are_named(tmp_path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_inventory(tmp_path / "none.toml")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"\[\[machine\]\]"):
        load_inventory(tmp_path / "x.csv")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        load_inventory(tmp_path / "binary.toml")


def test_a_built_in_scenario_is_an_inventory(root: Path) -> None:
    path = root / "evaluator/scenarios/hetero-gpu.toml"
    inventory = load_inventory(path)
    nodes = tomllib.loads(path.read_text())["cluster"]["node"]
    assert len(inventory.machines) == sum(node["count"] for node in nodes)
    assert inventory.machines[0].name == f"{nodes[0]['type']}-0"
    assert inventory.machines[0].device == nodes[0]["type"]


def test_a_cluster_file_keeps_racks_labels_and_the_middle_of_speeds(load) -> None:
    inventory = load(
        '[cluster]\n[[cluster.node]]\ntype = "cpu"\ncount = 3\nspeed = [1.0, 3.0]\n'
        'nodes_per_rack = 2\nrack = "r"\nlabels = ["ssd"]\n'
    )
    assert [m.rack for m in inventory.machines] == ["r/0", "r/0", "r/1"]
    assert {m.speed for m in inventory.machines} == {2.0}
    assert inventory.machines[0].device == ""
    assert inventory.machines[0].labels == ("ssd",)


def test_the_public_node_list_is_an_inventory(shared_data: Path) -> None:
    folder = shared_data / "alibaba_gpu2023_openb"
    inventory = load_inventory(folder / "openb_node_list_gpu_node.csv.gz")
    assert len(inventory.machines) > 1000
    assert all(m.devices >= 1 and m.device for m in inventory.machines)


def test_tables_inside_another_file_are_named_by_it() -> None:
    with pytest.raises(UserError, match=r"^request\.toml: machine\[0\]\.name is missing"):
        inventory_of({"machine": [{}]}, "request.toml")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal:       16777216 kB\nMemFree: 1 kB\n"}


def test_this_machine_is_what_the_process_may_use() -> None:
    (machine,) = this_machine().machines
    assert machine.cpus > 0


def test_limits_of_the_control_group_count_when_lower(tmp_path) -> None:
    files = {
        **MEMINFO,
        "proc/self/cgroup": "0::/jobs/one\n",
        "sys/fs/cgroup/jobs/memory.max": str(4 * 1024**3),
        "sys/fs/cgroup/jobs/one/memory.max": "max\n",
        "sys/fs/cgroup/jobs/one/cpu.max": "50000 100000\n",
    }
    (machine,) = this_machine(write(tmp_path, files)).machines
    assert (machine.memory, machine.cpus) == (4.0, 0.5)


def test_limits_of_the_first_version_of_groups_count_as_well(tmp_path) -> None:
    files = {
        **MEMINFO,
        "proc/self/cgroup": "4:memory:/a\n1:cpu,cpuacct:/a\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": str(8 * 1024**3),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096),
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
    }
    (machine,) = this_machine(write(tmp_path, files)).machines
    assert machine.memory == 8.0
    assert machine.cpus >= 1


def test_devices_are_counted_and_named_by_the_driver(tmp_path) -> None:
    files = {
        **MEMINFO,
        "dev/nvidia0": "",
        "dev/nvidia1": "",
        "dev/nvidiactl": "",
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t Tesla T4\nIRQ: 1\n",
    }
    (machine,) = this_machine(write(tmp_path, files)).machines
    assert (machine.devices, machine.device, machine.memory) == (2, "Tesla T4", 16.0)
