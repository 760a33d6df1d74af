"""The order of judged answers, and the slip of the original in it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skylore.search.reranking.order import final_order

SIMILARITY = np.array([0.9, 0.8, 0.7, 0.6])
SCORES = np.array([8.0, 10.0, 8.0, 10.0])


def original_order(similarity: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Order as ``rerank_single_question.py`` of AION-Search does."""
    return np.lexsort((similarity[::-1], scores))[::-1]


def test_ties_go_to_the_more_similar_and_not_as_in_the_original() -> None:
    assert final_order(SCORES).tolist() == [1, 3, 0, 2]
    everything_tied = np.full(4, 7.0)
    assert final_order(everything_tied).tolist() == [0, 1, 2, 3]
    turned = original_order(SIMILARITY, everything_tied).tolist()
    assert turned != [0, 1, 2, 3]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.just(math.nan), st.integers(1, 10).map(float)),
            st.sampled_from([0.1, 0.5, 0.9]),
        ),
        max_size=30,
    )
)
def test_certainty_then_similarity_then_id_and_the_unjudged_after(given_) -> None:
    objects = [(c, s, f"g{i:02d}") for i, (c, s) in enumerate(given_)]
    candidates = sorted(objects, key=lambda o: (-o[1], o[2]))
    order = final_order([certainty for certainty, _, _ in candidates])
    ranked = [candidates[i][2] for i in order]
    judged = sorted(
        (o for o in objects if not math.isnan(o[0])), key=lambda o: (-o[0], -o[1], o[2])
    )
    rest = sorted((o for o in objects if math.isnan(o[0])), key=lambda o: (-o[1], o[2]))
    assert ranked == [o[2] for o in judged + rest]


def test_means_of_different_counts_tie_where_they_are_equal() -> None:
    sums, counts = np.array([26.0, 52.0, 9.0, 27.0]), np.array([3, 6, 1, 3])
    assert final_order(sums / counts).tolist() == [2, 3, 0, 1]
