"""PizzaStack's guide to sessions as it stands, but for the address and the key, which come as arguments."""

import json
import sys

import requests
import uuid

API_BASE = sys.argv[1]
API_KEY = sys.argv[2]


def create_session_headers(api_key):
    """Create headers for a new session."""
    return {
        "Content-Type": "application/json",
        "X-API-Key": api_key,
        "X-Session-ID": str(uuid.uuid4())
    }


headers = create_session_headers(API_KEY)

# One session per workflow
session_a = create_session_headers(API_KEY)
session_b = create_session_headers(API_KEY)

# Workflow A: Make marinara sauce
tomato_a = requests.post(f"{API_BASE}/tomato/acquire", headers=session_a, json={
    "variety": "San Marzano", "ripeness": 0.9, "weight": 400
}).json()

# Workflow B: Make a different sauce (independent)
tomato_b = requests.post(f"{API_BASE}/tomato/acquire", headers=session_b, json={
    "variety": "Roma", "ripeness": 0.85, "weight": 300
}).json()

print(json.dumps([tomato_a, tomato_b]))

# Check if a session is still active
session_id = headers["X-Session-ID"]
response = requests.get(
    f"{API_BASE}/session/{session_id}/log",
    headers={"X-API-Key": API_KEY}
)

if response.status_code == 404:
    print("Session expired -- create a new one")
    headers = create_session_headers(API_KEY)


def check_session(api_key, session_id):
    """Print the current state of a session."""
    response = requests.get(
        f"{API_BASE}/session/{session_id}/log",
        headers={"X-API-Key": api_key}
    )

    if response.status_code != 200:
        print(f"Session not found: {response.status_code}")
        return

    log = response.json()

    print(f"Session: {session_id}")
    print(f"Objects: {len(log['objects'])}")

    for obj in log["objects"]:
        sauce_quality = obj.get("sauce_quality", "N/A")
        print(f"  {obj['id']} ({obj['type']}): sauce_quality={sauce_quality}")

    print(f"\nOperations: {len(log['operations'])}")
    for op in log["operations"]:
        print(f"  {op['timestamp']}: {op['endpoint']} -> {op['result_id']}")


check_session(API_KEY, headers["X-Session-ID"])
check_session(API_KEY, session_a["X-Session-ID"])


def diagnose_quality(api_key, session_id):
    """Find where quality dropped in the pipeline."""
    response = requests.get(
        f"{API_BASE}/session/{session_id}/log",
        headers={"X-API-Key": api_key}
    )
    log = response.json()

    for obj in log["objects"]:
        sauce_quality = obj.get("sauce_quality")
        if sauce_quality == "degraded":
            print(f"LOW QUALITY: {obj['id']} ({obj['type']}): {sauce_quality}")
            print(f"  Check if this object was created correctly")


from concurrent.futures import ThreadPoolExecutor


def make_pizza(api_key, variety, ripeness):
    """Complete pizza workflow in its own session."""
    headers = create_session_headers(api_key)

    tomato = requests.post(f"{API_BASE}/tomato/acquire", headers=headers, json={
        "variety": variety, "ripeness": ripeness, "weight": 400
    }).json()

    sliced = requests.post(f"{API_BASE}/tomato/slice", headers=headers, json={
        "tomato_ids": [tomato["id"]], "method": "dice",
        "size": "medium", "consistency": "uniform"
    }).json()

    sauce = requests.post(f"{API_BASE}/cook/simmer", headers=headers, json={
        "ingredients": [{"id": sliced["id"], "name": "tomato", "amount": 400, "unit": "g"}],
        "temperature": 100, "duration": "30m"
    }).json()

    base = requests.post(f"{API_BASE}/pizza/base", headers=headers, json={
        "thickness": "medium", "size": "12inch", "style": "neapolitan", "hydration": 0.65
    }).json()

    pizza = requests.post(f"{API_BASE}/pizza/assemble", headers=headers, json={
        "base_id": base["id"], "sauce_id": sauce["id"],
        "toppings": [{"name": "mozzarella", "amount": 200, "unit": "g"}]
    }).json()

    baked = requests.post(f"{API_BASE}/pizza/bake", headers=headers, json={
        "pizza_id": pizza["id"], "temperature": 450, "duration": "2m"
    }).json()

    return baked


# Run three workflows in parallel
with ThreadPoolExecutor(max_workers=3) as executor:
    futures = [
        executor.submit(make_pizza, API_KEY, "San Marzano", 0.9),
        executor.submit(make_pizza, API_KEY, "Roma", 0.85),
        executor.submit(make_pizza, API_KEY, "Cherry", 0.8),
    ]
    for f in futures:
        result = f.result()
        print(f"Pizza quality: {result['quality_score']}")

# Beyond the guide: a sauce that went wrong, for the diagnosis to find.
requests.post(f"{API_BASE}/cook/simmer", headers=session_a, json={
    "ingredients": [{"id": tomato_a["id"], "name": "tomato", "amount": 400, "unit": "g"}],
    "temperature": 100, "duration": "30m"
})
diagnose_quality(API_KEY, session_b["X-Session-ID"])
diagnose_quality(API_KEY, session_a["X-Session-ID"])
