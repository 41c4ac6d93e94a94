"""Every fault of the programme: what it is, what share of the time it needs, how many injections are asked for."""

from typing import Final

from tests.faults.programme import calls, clocks, kills, mounts, orders, power, replay, rooms, table
from tests.faults.programme.rounds import Fault
from tests.faults.strace import why_not as why_no_strace

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(name="F1", title="kill -9 at a random moment", run=kills.kill, share=20, wanted=1_500, unit="kills"),
    Fault(
        name="F1b",
        title="death at the n-th call",
        run=calls.kill_at_a_call,
        share=8,
        wanted=400,
        unit="kills",
        why_not=why_no_strace,
    ),
    Fault(
        name="F2",
        title="power loss, two disks",
        run=power.strict,
        share=20,
        wanted=1_000,
        unit="cuts",
        why_not=mounts.why_no_power_cuts,
    ),
    Fault(
        name="F2r",
        title="power loss in relaxed",
        run=power.relaxed,
        share=4,
        wanted=150,
        unit="cuts",
        why_not=mounts.why_no_power_cuts,
    ),
    Fault(
        name="F4",
        title="replay of unsynced writes",
        run=replay.strict,
        share=20,
        wanted=20_000,
        unit="states",
        why_not=why_no_strace,
    ),
    Fault(
        name="F4r",
        title="replay in relaxed",
        run=replay.relaxed,
        share=3,
        wanted=2_000,
        unit="states",
        why_not=why_no_strace,
    ),
    Fault(
        name="F5",
        title="order of calls",
        run=calls.order_of_calls,
        share=1,
        wanted=100,
        unit="answers",
        why_not=why_no_strace,
    ),
    Fault(name="F6", title="full disk", run=rooms.full, share=4, wanted=100, unit="fills", why_not=mounts.why_not),
    Fault(
        name="F7",
        title="EIO from a call",
        run=calls.fail_with_eio,
        share=5,
        wanted=300,
        unit="errors",
        why_not=why_no_strace,
    ),
    Fault(name="F8", title="no descriptors left", run=rooms.no_descriptors, share=2, wanted=20, unit="rounds"),
    Fault(name="F9", title="session table held", run=table.busy, share=2, wanted=40, unit="holds"),
    Fault(name="F9d", title="session table damaged", run=table.damaged, share=3, wanted=150, unit="damages"),
    Fault(
        name="F10",
        title="slow disk",
        run=calls.slow_disk,
        share=2,
        wanted=20,
        unit="rounds",
        why_not=why_no_strace,
    ),
    Fault(
        name="F13",
        title="twice and out of order",
        run=orders.twice_and_out_of_order,
        share=3,
        wanted=5_000,
        unit="requests",
    ),
    Fault(name="F14", title="racing writers", run=orders.race, share=3, wanted=1_000, unit="races"),
    Fault(name="F15", title="clock jumps", run=clocks.jump, share=3, wanted=60, unit="jumps", why_not=clocks.why_not),
    Fault(name="F16", title="SIGTERM under load", run=kills.stop, share=4, wanted=100, unit="stops"),
)
