"""What people do without Penstock: histogram boosting trained once or on a calendar, and River's online trees."""
