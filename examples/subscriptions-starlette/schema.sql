-- What clients may subscribe to. Again as often as you like: it replaces what is there.
CREATE EXTENSION IF NOT EXISTS fraiseql_subs;

SELECT fraiseql_register_types('
    type Message { room: String! author: String! text: String! }
');

-- The argument filters: a client gets the messages of the room that it asks for.
SELECT fraiseql_register_subscription('messagePosted(room: String!): Message', 'messages');
