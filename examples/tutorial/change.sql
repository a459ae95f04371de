INSERT INTO orders (customer_id, item) VALUES (1, 'tea'), (2, 'coffee');
UPDATE orders SET status = 'paid' WHERE item = 'tea';
