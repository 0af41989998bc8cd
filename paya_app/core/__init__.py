"""What every domain stands on: settings, database, actor, money, clock, errors."""
