"""Programs for the others' environment: none of them imports anything of ours."""
