"""Random histories: they begin as every real one does, and go on in any way at all."""

from hypothesis import strategies as st

from tests.examples import EXAMPLES, placed

histories = st.lists(st.sampled_from(list(EXAMPLES.values())), max_size=40).map(
    lambda events: [placed(), *events]
)
