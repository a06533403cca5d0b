// Shows the API of `?api=KEY`, by default the first of `apis`.
const key = new URLSearchParams(window.location.search).get("api");
const shown = apis.find((api) => api.key === key) ?? apis[0];
const choice = document.querySelector("#api");
for (const api of apis) {
    choice.add(new Option(api.title, api.key, false, api === shown));
}
choice.addEventListener("change", () => {
    window.location.assign(`?api=${encodeURIComponent(choice.value)}`);
});
document.title = shown.title;

// A script cannot send a cookie of its choice, so the form to authorize offers no cookies.
const { securitySchemes } = shown.document.components;
const cookies = Object.keys(securitySchemes).filter((name) => securitySchemes[name].in === "cookie");
for (const name of cookies) {
    delete securitySchemes[name];
}
for (const operation of Object.values(shown.document.paths).flatMap(Object.values)) {
    operation.security = operation.security.filter((scheme) => !cookies.some((name) => name in scheme));
}

// Swagger UI shows a link only if its address is absolute.
for (const link of [shown.document.info.contact, shown.document.externalDocs]) {
    link.url = new URL(link.url, window.location.href).href;
}

// Swagger UI waits for the end of a response, and a stream has none.
const isStream = (path, method) =>
    "text/event-stream" in (shown.document.paths[path][method].responses["200"]?.content ?? {});

const minitwit = () => ({
    statePlugins: {
        auth: {
            wrapSelectors: {
                // The lock of an operation is closed if its credentials are given. Without this, it is
                // always closed if credentials are optional. `original` gets the state by itself.
                isAuthorized: (original) => (state, requirements) =>
                    original(requirements?.filter((schemes) => schemes.size > 0)),
            },
        },
        spec: {
            wrapSelectors: {
                allowTryItOutFor: () => (state, path, method) => !isStream(path, method),
            },
        },
    },
});

SwaggerUIBundle({
    dom_id: "#ui",
    spec: shown.document,
    filter: false,
    deepLinking: true,
    persistAuthorization: true,
    plugins: [minitwit],
});
