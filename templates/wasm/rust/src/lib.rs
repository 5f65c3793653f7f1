//! Answers: what does the filter do with a response. It adds one header, as its configuration says: a JSON object
//! {"name": …, "value": …, "version": …}, each optional; any other text is the value of the header "hello".
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(AddHeaderRoot::default()));
}}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    name: String,
    value: String,
    /// For header x-filter-version; empty adds none.
    version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { name: "hello".into(), value: "world".into(), version: String::new() }
    }
}

fn read_settings(bytes: &[u8]) -> Result<Settings, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?.trim();
    let settings = match text {
        "" => Settings::default(),
        json if json.starts_with('{') => serde_json::from_str(json).map_err(|error| error.to_string())?,
        value => Settings { value: value.into(), ..Settings::default() },
    };
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if settings.name.is_empty() || !settings.name.chars().all(is_name) {
        return Err(format!("name {:?} is no name of a header", settings.name));
    }
    // a line end would start another header
    if settings.value.chars().chain(settings.version.chars()).any(char::is_control) {
        return Err("value or version has characters that no header may have".into());
    }
    Ok(settings)
}

/// Once for each use of the filter: keeps its configuration.
#[derive(Default)]
struct AddHeaderRoot {
    settings: Rc<Settings>,
}

impl Context for AddHeaderRoot {}

impl RootContext for AddHeaderRoot {
    /// False has the proxy refuse the configuration; what ran before goes on.
    fn on_configure(&mut self, _size: usize) -> bool {
        match read_settings(&self.get_plugin_configuration().unwrap_or_default()) {
            Ok(settings) => {
                self.settings = Rc::new(settings);
                true
            }
            Err(problem) => {
                log::error!("Cannot use the configuration: {problem}");
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(AddHeader { settings: self.settings.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Once for each request.
struct AddHeader {
    settings: Rc<Settings>,
}

impl Context for AddHeader {}

impl HttpContext for AddHeader {
    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header(&self.settings.name, &self.settings.value);
        if !self.settings.version.is_empty() {
            self.add_http_response_header("x-filter-version", &self.settings.version);
        }
        Action::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::read_settings;

    #[test]
    fn a_plain_text_is_the_value() {
        let settings = read_settings(b"tomorrow").unwrap();
        assert_eq!((settings.name.as_str(), settings.value.as_str()), ("hello", "tomorrow"));
    }

    #[test]
    fn an_object_names_header_and_value() {
        let settings = read_settings(br#"{"name":"x-greeting","value":"hi"}"#).unwrap();
        assert_eq!((settings.name.as_str(), settings.value.as_str()), ("x-greeting", "hi"));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for text in [r#"{"value":1}"#, r#"{"valu":"a"}"#, r#"{"name":""}"#, r#"{"value":"a\nb"}"#, "{"] {
            assert!(read_settings(text.as_bytes()).is_err(), "{text}");
        }
    }
}
