"""Every scenario."""

from tests.bench.client.cuts import CUTS

SCENARIOS = (*CUTS,)
