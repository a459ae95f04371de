SELECT fraiseql_publish('orderUpdated', 'orders', '{"id": 1, "status": "paid", "total": 42.5}');
