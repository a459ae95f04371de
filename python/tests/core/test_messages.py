import re

import pytest

from fraiseql_subs import (
    GraphQLMessage,
    SubscriptionError,
    SubscriptionPayload,
    SubscriptionRefused,
    WebSocketClosed,
)

MESSAGES = [
    {"type": "connection_init"},
    {"type": "connection_init", "payload": {"token": "a"}},
    {"type": "connection_ack", "payload": {"connectionId": "1"}},
    {"type": "ping"},
    {"type": "pong", "payload": {}},
    {"id": "1", "type": "subscribe", "payload": {"query": "subscription { a }"}},
    {"id": "1", "type": "next", "payload": {"data": {"a": 1}}},
    {"id": "1", "type": "error", "payload": [{"message": "no"}]},
    {"id": "1", "type": "complete"},
    {"id": "1", "type": "start", "payload": {"query": "subscription { a }"}},
    {"id": "1", "type": "data", "payload": {"data": None}},
    {"id": "1", "type": "error", "payload": {"message": "no"}},
    {"id": "1", "type": "stop"},
    {"type": "connection_error", "payload": {"message": "no"}},
    {"type": "connection_terminate"},
    {"type": "ka"},
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_messages_come_back_as_they_went(message):
    assert GraphQLMessage.from_dict(message).to_dict() == message


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ([], "the message must be an object, not list"),
        ({}, "type is missing"),
        ({"type": 7}, "type must be a text, not int"),
        ({"type": "hello"}, "type is unknown: 'hello'"),
        ({"type": "complete"}, "id is missing: 'complete' needs one"),
        ({"type": "complete", "id": 7}, "id must be a text, not int"),
        ({"type": "complete", "id": ""}, "id is empty"),
        ({"type": "ping", "id": "1"}, "'ping' has no id"),
        ({"type": "subscribe", "id": "1"}, "payload is missing: 'subscribe' needs one"),
        ({"type": "error", "id": "1"}, "payload is missing: 'error' needs one"),
        ({"type": "error", "id": "1", "payload": []}, "payload is an empty list of errors"),
        ({"type": "error", "id": "1", "payload": ["a"]}, "a list of objects, not of str"),
        ({"type": "next", "id": "1", "payload": "a"}, "payload must be an object, not str"),
        ({"type": "ping", "payload": [1]}, "payload must be an object, not list"),
        ({"type": "complete", "id": "1", "payload": {}}, "'complete' has no payload"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(message, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        GraphQLMessage.from_dict(message)


def test_members_that_are_not_known_are_ignored():
    assert GraphQLMessage.from_dict({"type": "ping", "more": 1}) == GraphQLMessage("ping")
    assert SubscriptionPayload.from_dict({"query": "q", "more": 1}) == SubscriptionPayload("q")


def test_payloads_come_back_as_they_went():
    payload = {
        "query": "subscription A($id: ID) { a(id: $id) }",
        "operationName": "A",
        "variables": {"id": 1},
        "extensions": {"timing": True},
    }
    made = SubscriptionPayload.from_dict(payload)
    assert made.operation_name == "A"
    assert made.to_dict() == payload
    assert SubscriptionPayload("q").to_dict() == {"query": "q"}


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ("q", "the payload must be an object, not str"),
        ({}, "query is missing"),
        ({"query": " "}, "query is empty"),
        ({"query": 1}, "query must be a text, not int"),
        ({"query": "q", "operationName": 1}, "operation_name must be a text, not int"),
        ({"query": "q", "variables": []}, "variables must be an object, not list"),
        ({"query": "q", "extensions": "a"}, "extensions must be an object, not str"),
    ],
)
def test_what_is_wrong_with_a_payload_is_named(payload, fault):
    with pytest.raises(ValueError, match=fault):
        SubscriptionPayload.from_dict(payload)


def test_an_error_is_told_as_graphql_tells_it():
    assert SubscriptionError("no").to_dict() == {"message": "no"}
    error = SubscriptionError("no", code="NO", extensions={"why": 1})
    assert error.to_dict() == {"message": "no", "extensions": {"why": 1, "code": "NO"}}
    assert str(error) == "no"


def test_a_refusal_has_all_errors_and_the_first_ones_code():
    errors = [{"message": "a", "extensions": {"code": "A"}}, {"message": "b"}]
    refused = SubscriptionRefused(errors)
    assert (refused.message, refused.code, refused.errors) == ("a", "A", errors)
    assert isinstance(refused, SubscriptionError)
    assert SubscriptionRefused([]).message == "The subscription was refused."
    assert SubscriptionRefused([{"message": "a", "extensions": {"code": 1}}]).code is None


def test_the_end_of_a_socket_has_code_and_reason():
    closed = WebSocketClosed(4403, "Forbidden")
    assert (closed.code, closed.reason, str(closed)) == (4403, "Forbidden", "4403 Forbidden")
    assert str(WebSocketClosed()) == "1005"
