// A typical use of the JSON API by a client in TypeScript. `make api-check` generates `api.d.ts` from the document.
//
// Usage: node journey.js BASE

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Message = components["schemas"]["Message"];

const base = process.argv[2];
assert(base, "usage: node journey.js BASE");
const password = "secret";
const username = `user ${randomUUID()}`;

const anonymous = createClient<paths>({ baseUrl: base });
const newUser = { username, email: "a@example.org", password };
const created = await anonymous.POST("/users", { body: newUser });
assert.equal(created.data?.username, username);
const again = await anonymous.POST("/users", { body: newUser });
assert.equal(again.error?.code, "username-taken");

const signIn = { username, password, name: "journey" };
const { data: issued } = await anonymous.POST("/tokens", { body: signIn });
assert(issued, "a token");
const client = createClient<paths>({ baseUrl: base, headers: { Authorization: `Bearer ${issued.token}` } });

const posted: Message[] = [];
for (const text of ["one", "two", "three"]) {
  const { data } = await client.POST("/messages", { body: { text } });
  assert(data, text);
  posted.unshift(data);
}

const read: Message[] = [];
let cursor: string | undefined;
do {
  const query = cursor === undefined ? { limit: 2 } : { limit: 2, cursor };
  const { data } = await client.GET("/timeline", { params: { query } });
  assert(data, "a page");
  read.push(...data.items);
  cursor = data.next_cursor ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(read, posted);

const stream = await client.GET("/stream", { params: { query: { timeline: "own" } }, parseAs: "stream" });
assert(stream.data, "a stream");
const reader = stream.data.pipeThrough(new TextDecoderStream()).getReader();
let events = (await reader.read()).value ?? "";
await client.POST("/messages", { body: { text: "streamed" } });
while (!events.includes("\"streamed\"")) {
  const { value, done } = await reader.read();
  assert(!done, "the stream has no end");
  events += value;
}
await reader.cancel();

for (const { id } of posted) {
  const path = { id };
  assert.equal((await client.DELETE("/messages/{id}", { params: { path } })).response.status, 204);
  assert.equal((await client.GET("/messages/{id}", { params: { path } })).error?.code, "unknown-message");
}
console.log("a client in TypeScript signs in, posts, reads pages, receives a stream and deletes");
