CREATE TABLE todos (
    id bigint PRIMARY KEY,
    user_id uuid NOT NULL,
    task text NOT NULL,
    done boolean NOT NULL DEFAULT false
);

-- [start:publication]
-- ALTER PUBLICATION supabase_realtime ADD TABLE todos;
SELECT fraiseql_watch('todos');
-- [end:publication]

-- [start:payload]
-- payload.eventType, payload.new and payload.old.
SELECT fraiseql_register_types('
    type Todo { id: ID! task: String! done: Boolean! }
    type TodoChange { operation: String! row: Todo old: Todo }
');
-- [end:payload]

-- [start:policy]
-- CREATE POLICY own ON todos FOR SELECT TO authenticated USING (auth.uid() = user_id);
SELECT fraiseql_register_subscription(
    'todoChanged(id: ID, operation: String, where: TodoChangeFilter): TodoChange', 'todos',
    row_filter => '{"user_id": "user"}',
    roles => '{authenticated}');
-- [end:policy]

-- [start:jwt]
-- The project's JWT secret. With asymmetric keys, jwks_url and audiences in its place.
SELECT fraiseql_register_issuer('supabase', preset => 'supabase', claims => '{"roles": "role"}',
    secret => 'put the JWT secret of the project here');
-- [end:jwt]
