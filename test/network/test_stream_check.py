"""That the check of the other tests finds what it is for."""

from stream_check import Notice, Received, Stream, contradictions, faults

COMMITTED = {"a": [11, 12, 13, 14, 15], "b": [21, 22]}


def received(key, number):
    attempt = COMMITTED[key][number - 1]
    return Received(key, number, attempt, f"position of {attempt}")


def a(*numbers):
    return [received("a", number) for number in numbers]


B = [received("b", 1), received("b", 2)]


def test_a_whole_stream_has_no_fault():
    assert faults(COMMITTED, Stream(a(1, 2) + B + a(3, 4, 5))) == []


def test_a_lost_event_is_found():
    assert faults(COMMITTED, Stream(a(1, 2, 4, 5) + B)) == [
        "a 3 to 3 are missing, and no gap was told there"
    ]


def test_a_lost_end_is_found():
    assert faults(COMMITTED, Stream(a(1, 2, 3) + B)) == ["a 4 to 5 never came"]


def test_a_key_that_never_came_is_found():
    assert faults(COMMITTED, Stream(a(1, 2, 3, 4, 5))) == ["b 1 to 2 never came"]


def test_an_event_that_comes_twice_is_found():
    assert faults(COMMITTED, Stream(a(1, 2, 2, 3, 4, 5) + B)) == [
        "position position of 12 came twice",
        "a 2 came twice or behind 2",
    ]


def test_an_event_out_of_order_is_found():
    assert "a 2 came twice or behind 3" in faults(COMMITTED, Stream(a(1, 3, 2, 4, 5) + B))


def test_an_event_of_a_rolled_back_transaction_is_found():
    stray = Received("a", 3, 99, "position of 99")
    assert faults(COMMITTED, Stream(a(1, 2) + [stray] + a(3, 4, 5) + B)) == [
        "a 3 was never committed"
    ]


def test_a_gap_that_is_told_with_its_count_is_no_fault():
    assert faults(COMMITTED, Stream(a(1) + [Notice(3)] + a(5) + B)) == []


def test_a_gap_over_several_keys_may_be_told_at_once():
    assert faults(COMMITTED, Stream(a(1) + [Notice(4)] + a(5) + B[1:])) == []


def test_a_gap_told_at_another_place_is_a_fault():
    assert faults(COMMITTED, Stream(a(1) + [Notice(3)] + a(2) + B + a(5))) == [
        "a 3 to 4 are missing, and no gap was told there",
        "3 events were told to be lost, and 2 are missing",
    ]


def test_a_count_that_is_too_small_is_found():
    assert faults(COMMITTED, Stream(a(1) + [Notice(2)] + a(5) + B)) == [
        "3 events are missing (a 2 to 4), and 2 were told"
    ]


def test_a_notice_elsewhere_does_not_make_up_for_a_count_that_is_too_small():
    items = a(1) + [Notice(1)] + a(4) + B + [Notice(1)] + a(5)
    assert "2 events are missing (a 2 to 3), and 1 were told" in faults(COMMITTED, Stream(items))


def test_a_count_that_is_too_large_is_found_where_the_start_is_exact():
    items = a(1) + [Notice(4)] + a(5) + B
    assert faults(COMMITTED, Stream(items)) == ["4 events were told to be lost, and 3 are missing"]
    assert faults(COMMITTED, Stream(items, is_exact=False)) == []


def test_a_gap_without_a_count_is_a_fault_unless_it_may_be_so():
    stream = Stream(a(1) + [Notice(None)] + a(5) + B)
    assert faults(COMMITTED, stream) == ["a gap was told without its count"]
    assert faults(COMMITTED, stream, may_be_uncounted=True) == []


def test_what_was_committed_before_a_subscription_may_be_absent_but_has_no_gaps():
    floor = {"a": 3, "b": 2}
    assert faults(COMMITTED, Stream(a(4, 5), floor)) == []
    assert faults(COMMITTED, Stream(a(2, 3, 4, 5), floor)) == []
    assert faults(COMMITTED, Stream(a(2, 4, 5), floor)) == [
        "a 3 to 3 are missing, and no gap was told there"
    ]


def test_the_end_may_be_absent_where_the_connection_broke():
    assert faults(COMMITTED, Stream(a(1, 2), is_whole=False)) == []


def test_a_position_that_names_two_events_is_found():
    other = Received("b", 1, 21, "position of 11")
    assert contradictions([Stream(a(1)), Stream(a(1, 2))]) == []
    assert len(contradictions([Stream(a(1)), Stream([other])])) == 1
