//! The OpenAPI 3.1 document, made from the route table and the types: complete for every route, because a route is its row.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::route::{Route, Stream, Who};
use super::routes::{ParamFormat, param_format};
use crate::logic::form::Definitions;
use crate::model::{Dispatch, session_schemas};

/// Where the document keeps schemas.
const SCHEMAS: &str = "#/components/schemas/";

/// The document of `routes`, for the instance at `origin`.
pub fn document<'a>(routes: impl IntoIterator<Item = &'a Route>, origin: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(left_out_is_not_null));
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut types = settings.into_generator();
    let mut forms = Definitions::new(SCHEMAS);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let operation = operation(route, &mut types, &mut forms);
        paths.entry(route.path).or_default().insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    let mut schemas_of_dispatches = Dispatch::schemas(&mut types);
    schemas_of_dispatches.extend(session_schemas(&mut types));
    let dispatches: Map<String, Value> = schemas_of_dispatches
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema.to_value()))
        .collect();
    let mut schemas = types.take_definitions(true);
    schemas.extend(forms.into_named());
    schemas.insert("Error".into(), error_schema());
    schemas.insert("OAuth2Error".into(), oauth2_error_schema());
    schemas.insert("RateLimited".into(), rate_limited_schema());
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Hearth",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "The HTTP API of this instance, and the payloads of its gateway's dispatches (x-dispatches).",
        },
        "servers": [{ "url": format!("{origin}/api/v10") }],
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security_schemes(), "responses": shared_responses() },
        "x-dispatches": dispatches,
    })
}

/// By what a field says that it is null at times though it is left out at others.
const NULLABLE: &str = "nullable";

/// A field that is left out where it has no value is never null, but for one that says so: for `Option` schemars allows both.
fn left_out_is_not_null(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, field) in properties {
        let Some(field) = field.as_object_mut() else { continue };
        if field.remove(NULLABLE).is_none() && !required.iter().any(|own| own == name) {
            forbid_null(field);
        }
    }
}

fn forbid_null(field: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = field.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = &kinds[..] {
            field["type"] = only.clone();
        }
    }
    if let Some(Value::Array(values)) = field.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(any)) = field.get_mut("anyOf") {
        any.retain(|one| one["type"] != "null");
        if let [Value::Object(only)] = &any[..] {
            let only = only.clone();
            field.remove("anyOf");
            field.extend(only);
        }
    }
}

fn operation(route: &Route, types: &mut SchemaGenerator, forms: &mut Definitions) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters(route, forms),
        "responses": responses(route, types),
        "security": security(route.who),
    });
    if let Some(describe) = route.body {
        let schema = describe(forms);
        let mut content = json!({ "application/json": { "schema": schema } });
        if route.stream == Stream::Files {
            content["multipart/form-data"] = json!({ "schema": multipart_schema(schema) });
        }
        operation["requestBody"] = json!({ "content": content });
    }
    if route.stream == Stream::Bytes {
        operation["requestBody"] = json!({ "content": { "application/octet-stream": {} } });
    }
    if !route.permissions.is_empty() {
        operation["x-permissions"] = json!(route.permissions);
    }
    operation
}

/// A form with files beside it: `files[0]` to `files[9]`.
fn multipart_schema(form: Value) -> Value {
    json!({
        "type": "object",
        "properties": { "payload_json": form },
        "patternProperties": { r"^files\[[0-9]+\]$": { "type": "string", "format": "binary" } },
    })
}

/// `get_channels_channel_id_messages`: unique, because method and path are.
fn operation_id(route: &Route) -> String {
    let path: Vec<String> = route
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>())
        .map(|part| part.trim_matches('_').to_owned())
        .collect();
    format!("{}_{}", route.method.as_str().to_ascii_lowercase(), path.join("_"))
}

fn parameters(route: &Route, forms: &mut Definitions) -> Vec<Value> {
    let mut parameters: Vec<Value> = route
        .params()
        .map(|name| {
            let schema = match param_format(name) {
                Some(ParamFormat::Snowflake) => {
                    json!({ "type": "string", "format": "snowflake", "pattern": "^[0-9]{1,19}$" })
                }
                Some(ParamFormat::Text) | None => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    if let Some(describe) = route.query {
        let mut fields = Definitions::of_query(SCHEMAS);
        let schema = describe(&mut fields);
        forms.extend(fields);
        let required =
            |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|own| own == name));
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            parameters
                .push(json!({ "name": name, "in": "query", "required": required(name), "schema": field }));
        }
    }
    if route.is_audited {
        parameters.push(json!({
            "name": "X-Audit-Log-Reason",
            "in": "header",
            "description": "Why, for the audit log; percent-encoded UTF-8.",
            "schema": { "type": "string", "maxLength": 512 },
        }));
    }
    parameters
}

fn responses(route: &Route, types: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let nothing = [(204, None)];
    let answers = if route.answers.is_empty() { &nothing[..] } else { &route.answers[..] };
    for (status, describe) in answers {
        let mut response = json!({ "description": if describe.is_some() { "Done" } else { "Done; there is nothing to tell" } });
        if let Some(describe) = describe {
            response["content"] = json!({ "application/json": { "schema": describe(types).to_value() } });
        }
        if let Some(media_type) = route.picture.filter(|_| *status == 200) {
            response = json!({ "description": "The picture", "content": { media_type: {} } });
        }
        responses.insert(status.to_string(), response);
    }
    let refusal = if route.refuses_as_oauth2 { "OAuth2Error" } else { "Error" };
    for (status, name) in [("4XX", refusal), ("429", "RateLimited"), ("5XX", "Error")] {
        responses.insert(status.into(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    Value::Object(responses)
}

fn shared_responses() -> Value {
    let of = |description: &str, schema: &str| {
        let schema = json!({ "$ref": format!("{SCHEMAS}{schema}") });
        json!({ "description": description, "content": { "application/json": { "schema": schema } } })
    };
    json!({
        "Error": of("Refused or failed", "Error"),
        "OAuth2Error": of("Refused, in the words of OAuth2 or before it came to them", "OAuth2Error"),
        "RateLimited": of("Too many requests; Retry-After tells when to come again", "RateLimited"),
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["message", "code"],
        "properties": {
            "message": { "type": "string" },
            "code": { "type": "integer" },
            "errors": {
                "type": "object",
                "description": "Mirrors the request: keys and list indexes lead to {\"_errors\": [{\"code\", \"message\"}]}.",
            },
        },
    })
}

fn oauth2_error_schema() -> Value {
    let own =
        json!({ "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } });
    json!({ "anyOf": [own, { "$ref": format!("{SCHEMAS}Error") }] })
}

fn rate_limited_schema() -> Value {
    json!({
        "type": "object",
        "required": ["message", "code", "retry_after", "global"],
        "properties": {
            "message": { "type": "string" },
            "code": { "type": "integer" },
            "retry_after": { "type": "number", "description": "Seconds." },
            "global": { "type": "boolean" },
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "bot": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "`Bot TOKEN`" },
        "human": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "A session token, bare" },
    })
}

fn security(who: Who) -> Value {
    match who {
        Who::Nobody => json!([]),
        Who::Perhaps => json!([{}, { "bot": [] }, { "human": [] }]),
        Who::Any => json!([{ "bot": [] }, { "human": [] }]),
        Who::Human => json!([{ "human": [] }]),
        Who::Bot => json!([{ "bot": [] }]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::{Answer, Call, Reply, patch, routes};
    use crate::logic::form::{Fields, Form, kinds::*};

    struct Inner(u8);
    impl Form for Inner {
        fn read(f: &mut Fields) -> Self {
            Self(f.need("n", integer(1..=5)))
        }
    }
    struct Edit(Option<Inner>);
    impl Form for Edit {
        fn read(f: &mut Fields) -> Self {
            Self(f.opt("inner", object()))
        }
    }
    struct Page(u8);
    impl Form for Page {
        fn read(f: &mut Fields) -> Self {
            Self(f.need("limit", integer(1..=100)))
        }
    }

    async fn edit(call: Call) -> Answer {
        let inner = call.form::<Edit>().take()?.0.map(|inner| inner.0);
        Reply::json(&(inner, call.query::<Page>()?.0))
    }

    #[test]
    fn a_route_is_described_by_its_row() {
        let route = patch("/channels/{channel_id}", edit)
            .who(Who::Human)
            .takes::<Edit>()
            .query::<Page>()
            .gives::<Vec<String>>(200)
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Edit a channel");
        let document = document([&route], "https://chat.example.org");
        let operation = &document["paths"]["/channels/{channel_id}"]["patch"];
        assert_eq!(operation["operationId"], "patch_channels_channel_id");
        assert_eq!(operation["security"], json!([{ "human": [] }]));
        assert_eq!(operation["x-permissions"], json!(["MANAGE_CHANNELS"]));
        let names: Vec<_> =
            operation["parameters"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
        assert_eq!(names, ["channel_id", "limit", "X-Audit-Log-Reason"]);
        assert_eq!(operation["parameters"][1]["required"], true);
        assert_eq!(operation["responses"]["200"]["content"]["application/json"]["schema"]["type"], "array");
        let reference =
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        assert!(document.pointer(&reference[1..]).unwrap()["properties"]["inner"].is_object());
    }

    #[test]
    fn a_field_is_left_out_or_null_and_seldom_both() {
        let routes = routes::all();
        let document = document(&routes, "http://127.0.0.1:8420");
        let schemas = &document["components"]["schemas"];
        let guild = &schemas["Channel"]["properties"]["guild_id"];
        assert_eq!(guild["type"], "string"); // left out of DMs
        let topic = &schemas["Channel"]["properties"]["topic"];
        assert_eq!(topic["type"], json!(["string", "null"])); // and null where a channel could have one
        assert_eq!(schemas["User"]["properties"]["avatar"]["type"], json!(["string", "null"])); // always there
        assert_eq!(schemas["Message"]["properties"]["referenced_message"]["anyOf"][1]["type"], "null");
        assert_eq!(
            schemas["Message"]["properties"]["message_reference"]["$ref"],
            format!("{SCHEMAS}MessageReference")
        );
        assert!(!document.to_string().contains(&format!("\"{NULLABLE}\":")));
    }

    #[test]
    fn a_member_has_a_user_unless_it_stands_beside_one() {
        let routes = routes::all();
        let document = document(&routes, "http://127.0.0.1:8420");
        let schemas = &document["components"]["schemas"];
        let requires = |name: &str| schemas[name]["required"].as_array().unwrap().contains(&json!("user"));
        assert!(requires("Member") && requires("MemberEvent") && requires("ListedMember"));
        assert!(!requires("MemberBesideUser"));
        assert_eq!(schemas["MemberBesideUser"]["properties"].get("user"), None);
    }

    #[test]
    fn the_whole_document_is_complete_and_every_reference_leads_somewhere() {
        let routes = routes::all();
        let document = document(&routes, "http://127.0.0.1:8420");
        let mut ids = HashSet::new();
        for route in &routes {
            let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{}", route.path);
        }
        let mut to_visit = vec![&document];
        while let Some(value) = to_visit.pop() {
            if let Some(Value::String(reference)) = value.get("$ref") {
                assert!(
                    document.pointer(&reference[1..]).is_some_and(|found| !found.is_null()),
                    "{reference}"
                );
            }
            match value {
                Value::Object(fields) => to_visit.extend(fields.values()),
                Value::Array(items) => to_visit.extend(items),
                _ => {}
            }
        }
        assert!(document["x-dispatches"]["GUILD_CREATE"].is_object());
    }
}
