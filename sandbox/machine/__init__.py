"""Makes a bare machine ready: packages, libraries, a private Postgres and RabbitMQ; standard library only."""
