INSERT INTO orders VALUES (1, 'u1', 'open', 0.2), (2, 'u2', 'open', 0.3), (3, 'u1', 'draft', 0.1);
UPDATE orders SET status = 'paid';
