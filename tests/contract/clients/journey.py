"""A typical use of the JSON API by a client in Python, which openapi-python-client generates from the document."""

import json
from uuid import uuid4


def run(base: str) -> None:
    """Signs two users up; one follows the other, reads the other's message, and deletes the account."""
    from minitwit_client import AuthenticatedClient, Client
    from minitwit_client.api.account import delete_account, get_account
    from minitwit_client.api.follows import follow_user, list_followers
    from minitwit_client.api.messages import create_message, delete_message, get_message, get_timeline
    from minitwit_client.api.tokens import create_token, list_tokens
    from minitwit_client.api.users import create_user, get_user
    from minitwit_client.models import AccountDeletion, MessageContent, NewToken, NewUser, Problem

    anonymous = Client(base_url=base)
    names = [f"user {uuid4().hex}" for _ in range(2)]
    for name in names:
        user = NewUser(username=name, email="a@example.org", password="secret")
        created = create_user.sync(client=anonymous, body=user)
        assert created.username == name, created
        again = create_user.sync(client=anonymous, body=user)
        assert isinstance(again, Problem) and again.code == "username-taken", again

    def signed_in(name: str) -> AuthenticatedClient:
        token_request = NewToken(username=name, password="secret", name="journey")
        token = create_token.sync(client=anonymous, body=token_request).token
        return AuthenticatedClient(base_url=base, token=token)

    reader, author = (signed_in(name) for name in names)
    assert follow_user.sync_detailed(names[1], client=reader).status_code == 204
    followers = list_followers.sync(names[1], client=author)
    assert [follower.username for follower in followers.items] == names[:1], followers
    assert get_user.sync(names[1], client=reader).followed is True
    for earlier in ("one", "two"):
        create_message.sync(client=author, body=MessageContent(text=earlier))
    text = f"Anybody out there? {uuid4()}"
    posted = create_message.sync(client=author, body=MessageContent(text=text), idempotency_key="once")
    again = create_message.sync(client=author, body=MessageContent(text=text), idempotency_key="once")
    assert (posted.text, posted.id) == (text, again.id), (posted, again)
    timeline = get_timeline.sync(client=reader)
    assert [message.text for message in timeline.items] == [text, "two", "one"], timeline
    assert read_pages(author, names[1]) == [text, "two", "one"]
    receive_a_message(author)
    deleted = delete_message.sync_detailed(posted.id, client=author)
    gone = get_message.sync(posted.id, client=author)
    assert (deleted.status_code, gone.code) == (204, "unknown-message"), gone
    tokens = list_tokens.sync(client=reader)
    assert [token.name for token in tokens.items] == ["journey"], tokens
    account = get_account.sync(client=reader)
    assert (account.user.username, account.token.name) == (names[0], "journey"), account
    deletion = AccountDeletion(password="secret")
    assert delete_account.sync_detailed(client=reader, body=deletion).status_code == 204
    assert list_followers.sync(names[1], client=author).items == []
    print("a client in Python signs in, follows, posts, reads pages, receives a stream and deletes")


def read_pages(client, username: str) -> list[str]:
    """Returns the texts of all messages of a user, read in pages of two."""
    from minitwit_client.api.messages import list_user_messages

    page = list_user_messages.sync(username, client=client, limit=2)
    texts = [message.text for message in page.items]
    while page.next_cursor is not None:
        page = list_user_messages.sync(username, client=client, limit=2, cursor=page.next_cursor)
        texts += [message.text for message in page.items]
    return texts


def receive_a_message(client) -> None:
    """Opens the stream of the own timeline, posts, and waits for the message."""
    from minitwit_client.api.messages import create_message
    from minitwit_client.models import MessageContent

    # The generated function would wait for the end of the response, and a stream has none.
    with client.get_httpx_client().stream("GET", "/stream", params={"timeline": "own"}) as stream:
        for line in stream.iter_lines():
            if line.startswith("retry:"):
                create_message.sync(client=client, body=MessageContent(text="streamed"))
            if line.startswith("data:"):
                assert json.loads(line.removeprefix("data:"))["text"] == "streamed", line
                return
    raise AssertionError("the stream ended")
