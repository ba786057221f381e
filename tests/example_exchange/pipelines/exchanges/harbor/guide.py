"""Harbor: how to connect an account."""

from pipelines.spec import Guide

GUIDE = Guide(
    steps=(
        "Log in at harbor.example and choose **Settings**, **API keys**, **New key**.",
        "Tick **Read** and nothing else, and copy the key and the secret.",
        "Put `key` and `secret` under the account in `.dlt/secrets.toml`.",
    ),
    problems=(("`unknown_key`", "Copy the key again, or create a new one."),),
)
