"""What people do without Penstock: boosting once or on a calendar, and River's online trees."""
