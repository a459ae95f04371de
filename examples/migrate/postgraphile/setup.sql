CREATE TABLE messages (
    id bigint PRIMARY KEY,
    forum_id integer NOT NULL,
    body text NOT NULL
);

-- [start:field]
-- extend type Subscription { forumMessage(forumId: Int!): ForumMessageSubscriptionPayload }
SELECT fraiseql_register_types('
    type Message { id: ID! body: String! }
    type ForumMessageSubscriptionPayload { event: String forumId: Int! message: Message }
');
SELECT fraiseql_register_subscription(
    'forumMessage(forumId: Int!): ForumMessageSubscriptionPayload', 'messages');
-- [end:field]

-- [start:trigger]
-- In place of pg_notify('forum:' || forum_id || ':message', …): the row is in the event, so that
-- nobody has to query for it.
CREATE FUNCTION forum_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_publish(TG_ARGV[0], 'messages', jsonb_build_object(
        'event', TG_ARGV[0], 'forumId', NEW.forum_id,
        'message', jsonb_build_object('id', NEW.id, 'body', NEW.body)));
    RETURN NULL;
END $$;
CREATE TRIGGER _500_gql_insert AFTER INSERT ON messages
    FOR EACH ROW EXECUTE FUNCTION forum_message('create');
-- [end:trigger]

-- [start:jwt]
SELECT fraiseql_register_issuer('forum', preset => 'postgrest',
    secret => 'put the secret that signs your tokens here');
-- [end:jwt]
