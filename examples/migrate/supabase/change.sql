INSERT INTO todos VALUES
    (1, '6a1f0f5e-0000-4000-8000-000000000001', 'Change!'),
    (2, '6a1f0f5e-0000-4000-8000-000000000001', 'Another');
UPDATE todos SET done = true;
DELETE FROM todos;
