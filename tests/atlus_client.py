"""The five calls of a client of ATLUS, made with the library that its users have. Prints what each answers."""

import sys

import requests

api = sys.argv[1]


def call(method, path, **more):
    return requests.request(method, api + path, timeout=30, **more).json()


made = call("POST", "/sessions", json={"user_id": "user_123", "metadata": {"source": "python_client"}})
session = made["data"]["session_id"]
print(session)

for message in ["Hi, my name is John", "What's my name?"]:
    print(call("POST", "/chat", json={"message": message, "session_id": session})["data"]["response"])

print(call("GET", f"/sessions/{session}")["data"]["memory"]["conversation_turns"])
print(call("DELETE", f"/sessions/{session}")["message"])
