"""The hall: settings, clock, language and wiring; only here do adapters meet the engine."""
