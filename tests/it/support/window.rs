//! A Chromium window: its visible content and the actions of a user.

use std::time::Duration;

use fantoccini::{
    Client, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    error::CmdError,
    key::Key,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{App, TIMEOUT, chromium};

#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Size in CSS pixels.
    pub width: u32,
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub density: u32,
    pub dark: bool,
    /// True if pages may run scripts. Only `/docs` needs them.
    pub scripts: bool,
}

impl Screen {
    pub const DESKTOP: Self =
        Self { width: 1280, height: 800, density: 1, dark: false, scripts: false };
    pub const PHONE: Self = Self { width: 360, height: 760, ..Self::DESKTOP };
    /// The narrowest width of WCAG 2.2 (success criterion 1.4.10).
    pub const NARROW: Self = Self { width: 320, ..Self::PHONE };
}

/// A window of a separate Chromium with an empty profile; closed when dropped.
pub struct Window {
    client: Client,
    session: String,
    base: String,
}

impl Window {
    /// Opens an empty window for this server.
    pub async fn open(app: &App, screen: Screen) -> Self {
        let client = chromium::open_session(screen.scripts).await;
        let session = client.session_id().await.expect("a response").expect("a session");
        let window = Self { client, session, base: app.url("") };
        window.change(screen).await;
        window
    }

    /// Changes the screen. `scripts` has no effect: it is fixed when the window opens.
    pub async fn change(&self, screen: Screen) {
        let metrics = json!({
            "width": screen.width, "height": screen.height,
            "deviceScaleFactor": screen.density, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if screen.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Changes the base URL of the server.
    pub fn rebase(&mut self, base: String) {
        self.base = base;
    }

    pub async fn go(&self, path: &str) {
        let address = format!("{}{path}", self.base);
        self.client.goto(&address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Opens another page in the same browser. All later actions concern it.
    pub async fn open_page(&self) -> WindowHandle {
        let opened = self.client.new_window(false).await.expect("a window");
        self.switch_to(&opened.handle).await;
        opened.handle
    }

    /// Makes all later actions concern this page.
    pub async fn switch_to(&self, page: &WindowHandle) {
        self.client.switch_to_window(page.clone()).await.expect("an open page");
    }

    pub async fn go_back(&self) {
        self.client.back().await.expect("gone back");
    }

    /// Waits until the page shows `text`; panics at the time-out with the actual text.
    pub async fn sees(&self, text: &str) -> &Self {
        self.sees_in("body", text).await
    }

    /// Waits until the first selected element shows `text`; panics at the time-out.
    pub async fn sees_in(&self, selector: &str, text: &str) -> &Self {
        let mut shown = String::new();
        let seen = async {
            // While a page changes, the element may be missing or already removed.
            while !shown.contains(text) {
                shown = self.try_text(selector).await.unwrap_or_default();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(TIMEOUT, seen).await.is_ok();
        assert!(in_time, "{text:?} is not in {selector}:\n{shown}");
        self
    }

    /// Asserts that the page does not show `text`. Call it after `sees`, which waits for the page.
    pub async fn does_not_see(&self, text: &str) -> &Self {
        let shown = self.text("body").await;
        assert!(!shown.contains(text), "{text:?} is in:\n{shown}");
        self
    }

    async fn try_text(&self, selector: &str) -> Result<String, CmdError> {
        self.client.find(Locator::Css(selector)).await?.text().await
    }

    /// The visible text of the first selected element.
    pub async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.expect(selector)
    }

    /// The visible texts of all selected elements.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let all = format!("document.querySelectorAll({})", json!(selector));
        let texts = self.evaluate(&format!("return [...{all}].map(it => it.innerText)")).await;
        serde_json::from_value(texts).expect("a list of texts")
    }

    pub async fn find(&self, selector: &str) -> Element {
        self.find_by(Locator::Css(selector)).await
    }

    pub async fn find_all(&self, selector: &str) -> Vec<Element> {
        self.client.find_all(Locator::Css(selector)).await.expect(selector)
    }

    async fn find_by(&self, locator: Locator<'_>) -> Element {
        let found = self.client.wait().at_most(TIMEOUT).for_element(locator).await;
        found.unwrap_or_else(|error| panic!("{locator:?}: {error}"))
    }

    pub async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.expect(selector);
    }

    /// Clicks the link with this text.
    pub async fn follow(&self, text: &str) {
        self.find_by(Locator::LinkText(text)).await.click().await.expect(text);
    }

    /// Clicks the button with this text (without quotation marks).
    pub async fn press(&self, text: &str) {
        let button = format!("//button[.='{text}'] | //input[@type='submit'][@value='{text}']");
        self.find_by(Locator::XPath(&button)).await.click().await.expect(text);
    }

    /// Replaces the text of a field, as if a user pasted it.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.find(selector).await;
        let field = json!(selector);
        let enter = format!("let it = document.querySelector({field}); it.focus(); it.select()");
        self.evaluate(&enter).await;
        self.devtools("Input.insertText", json!({"text": text})).await;
    }

    /// Presses keys in sequence: characters and [`fantoccini::key::Key`]s.
    pub async fn types(&self, keys: impl IntoIterator<Item = impl Into<char>>) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            let value = key.into();
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(actions).await.expect("typed");
    }

    /// Presses keys while Shift is down.
    pub async fn shift(&self, keys: impl IntoIterator<Item = impl Into<char>>) {
        let shift = char::from(Key::Shift);
        let mut actions = KeyActions::new("keyboard".to_owned());
        actions = actions.then(KeyAction::Down { value: shift });
        for key in keys {
            let value = key.into();
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        let actions = actions.then(KeyAction::Up { value: shift });
        self.client.perform_actions(actions).await.expect("typed");
    }

    /// The accessible name of the focused element.
    pub async fn focused(&self) -> String {
        let element = self.client.active_element().await.expect("one has the focus");
        self.label(&element).await
    }

    /// The accessible name of an element.
    pub async fn label(&self, element: &Element) -> String {
        self.computed(element, "computedlabel").await
    }

    /// The accessible role of an element: `link`, `textbox`, …
    pub async fn role(&self, element: &Element) -> String {
        self.computed(element, "computedrole").await
    }

    /// A property that Chromium computes for an element.
    async fn computed(&self, element: &Element, property: &str) -> String {
        let path = format!("element/{}/{property}", element.element_id());
        let value = self.command(Method::GET, &path, None).await;
        value.as_str().expect("a text").to_owned()
    }

    pub async fn style(&self, selector: &str, property: &str) -> String {
        self.find(selector).await.css_value(property).await.expect(property)
    }

    /// Runs `body` as the body of a function, even if pages may not run scripts. Returns its result.
    pub async fn evaluate(&self, body: &str) -> Value {
        let value = self.client.execute(body, Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Makes the finger the main pointer, as on a phone without a keyboard.
    pub async fn use_touch(&self) {
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": true})).await;
    }

    /// Runs `script` in each new page before the page's own scripts.
    pub async fn run_in_new_pages(&self, script: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.devtools(command, json!({"source": script})).await;
    }

    /// Warnings and errors in the browser's console since the last call.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.command(Method::POST, "se/log", Some(json!({"type": "browser"}))).await;
        let entries = entries.as_array().expect("a list");
        let problems =
            entries.iter().filter(|entry| entry["level"] != "DEBUG" && entry["level"] != "INFO");
        problems.map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }

    pub async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture")
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.command(Method::POST, "goog/cdp/execute", Some(body)).await;
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let command = Command { method, path: path.to_owned(), body };
        let response = self.client.issue_cmd(command).await;
        response.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        chromium::close_session(&self.session);
    }
}

/// A chromedriver command for which the client has no method.
#[derive(Debug)]
struct Command {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (self.method.clone(), self.body.as_ref().map(Value::to_string))
    }
}
