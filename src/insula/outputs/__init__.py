"""Floor 1: what people see. An Analysis as JSON, tables, subtitles and a report."""
