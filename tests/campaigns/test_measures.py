import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from headwater.campaigns.measures import agreement

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=60)


@given(LABELS)
def test_rand_and_v_agree_with_scikit_learn(labels):
    truth, found = [t for t, _ in labels], [f for _, f in labels]
    ours = agreement(truth, found)
    assert ours.adjusted_rand == pytest.approx(metrics.adjusted_rand_score(truth, found), abs=1e-9)
    assert ours.v_measure == pytest.approx(metrics.v_measure_score(truth, found), abs=1e-9)


@given(LABELS)
def test_pairs_and_b_cubed_agree_with_counting_them_all(labels):
    n = range(len(labels))
    both = sum(labels[i] == labels[j] for i in n for j in n if i < j)
    in_truth = sum(labels[i][0] == labels[j][0] for i in n for j in n if i < j)
    in_found = sum(labels[i][1] == labels[j][1] for i in n for j in n if i < j)
    ours = agreement([t for t, _ in labels], [f for _, f in labels])
    assert ours.pair_precision == pytest.approx(both / in_found if in_found else 1.0)
    assert ours.pair_recall == pytest.approx(both / in_truth if in_truth else 1.0)

    def cubed(side):
        return sum(
            sum(labels[i] == labels[j] for j in n) / sum(labels[i][side] == labels[j][side] for j in n) for i in n
        ) / len(labels)

    precision, recall = cubed(1), cubed(0)
    assert ours.b_cubed_f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_the_truth_agrees_with_itself():
    ours = agreement(["a", "a", "b"], [1, 1, 2])
    assert (ours.pair_f1, ours.b_cubed_f1, ours.adjusted_rand, ours.v_measure) == (1.0, 1.0, 1.0, 1.0)


def test_groupings_of_different_calls_are_refused():
    with pytest.raises(ValueError, match="3 true labels but 2"):
        agreement([1, 2, 3], [1, 2])
