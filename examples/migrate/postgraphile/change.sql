INSERT INTO messages VALUES (27, 1, 'Hello World!'), (28, 2, 'Elsewhere');
