"""Every scenario."""

from tests.bench.client.answers import ANSWERS
from tests.bench.client.content import CONTENT
from tests.bench.client.cuts import CUTS
from tests.bench.client.slow import SLOW

SCENARIOS = (*CUTS, *SLOW, *ANSWERS, *CONTENT)
