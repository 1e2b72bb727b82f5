"""The call-event store: write, look up, count. The only room that speaks ClickHouse; knows no Django."""
