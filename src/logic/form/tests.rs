//! Forms: every fault at once, patches, descriptions, and bytes of strangers.

use super::kinds::*;
use super::*;
use crate::model::{Id, kind};

#[derive(Debug)]
struct Overwrite {
    id: Id<kind::Role>,
    allow: u64,
}

impl Form for Overwrite {
    fn read(f: &mut Fields) -> Self {
        Self { id: f.need("id", snowflake()), allow: f.or("allow", bits(), 0) }
    }
}

#[derive(Debug)]
struct Channel {
    name: String,
    topic: Patch<String>,
    slow_mode_s: Option<u16>,
    nsfw: Option<bool>,
    overwrites: Option<Vec<Overwrite>>,
    status: Option<u8>,
    tag: Option<usize>,
}

impl Form for Channel {
    fn read(f: &mut Fields) -> Self {
        let channel = Self {
            name: f.need("name", text(1..=10)),
            topic: f.patch("topic", text(0..=5)),
            slow_mode_s: f.opt("rate_limit_per_user", integer(0..=21_600)),
            nsfw: f.opt("nsfw", boolean()),
            overwrites: f.opt("permission_overwrites", list(object::<Overwrite>(), 2)),
            status: f.opt("status", word(&[("online", 1), ("idle", 2)])),
            tag: f.opt_with("tag", |text| match text.trim() {
                "bad" => Err(FieldFault::new("TAG_INVALID", "No such tag")),
                tag => Ok(tag.len()),
            }),
        };
        if channel.name == "general" && channel.nsfw == Some(true) {
            f.fault("nsfw", FieldFault::new("NOT_HERE", "The general channel is for all"));
        }
        channel
    }
}

const JSON: Option<&str> = Some("application/json; charset=utf-8");

fn faults<F: Form + std::fmt::Debug>(body: &str) -> Value {
    match decode::<F>(body.as_bytes(), JSON).unwrap_err() {
        FormError::Fields(tree) => serde_json::to_value(tree).unwrap(),
        other => panic!("{other}"),
    }
}

#[test]
fn all_faults_come_at_once_with_their_places() {
    let body = r#"{"name":"  ","topic":"longer","rate_limit_per_user":99999,"nsfw":"maybe","status":"gone","tag":"bad",
        "permission_overwrites":[{"id":"1"},{"allow":{}}]}"#;
    let tree = faults::<Channel>(body);
    let code = |path: &str| tree.pointer(&format!("{path}/_errors/0/code")).and_then(Value::as_str);
    assert_eq!(code("/name"), Some("BASE_TYPE_BAD_LENGTH"));
    assert_eq!(code("/topic"), Some("BASE_TYPE_MAX_LENGTH"));
    assert_eq!(code("/rate_limit_per_user"), Some("NUMBER_TYPE_MAX"));
    assert_eq!(code("/nsfw"), Some("BOOLEAN_TYPE_CONVERT"));
    assert_eq!(code("/status"), Some("BASE_TYPE_CHOICES"));
    assert_eq!(code("/tag"), Some("TAG_INVALID"));
    assert_eq!(code("/permission_overwrites/1/id"), Some("BASE_TYPE_REQUIRED"));
    assert_eq!(code("/permission_overwrites/1/allow"), Some("NUMBER_TYPE_COERCE"));
    assert_eq!(tree.pointer("/permission_overwrites/0"), None);
}

#[test]
fn a_missing_body_is_an_empty_object_and_other_shapes_are_faults_of_the_whole() {
    assert_eq!(
        serde_json::to_value(match decode::<Channel>(b"", None).unwrap_err() {
            FormError::Fields(tree) => tree,
            other => panic!("{other}"),
        })
        .unwrap(),
        json!({ "name": { "_errors": [{ "code": "BASE_TYPE_REQUIRED", "message": "This field is required" }] } })
    );
    assert_eq!(faults::<Channel>("[1]")["_errors"][0]["code"], "MODEL_TYPE_CONVERT");
    assert_eq!(faults::<Channel>("[1]").as_object().unwrap().len(), 1);
    assert!(matches!(decode::<Channel>(b"{", JSON), Err(FormError::Syntax)));
    assert!(matches!(decode::<Channel>(b"{}", Some("text/plain")), Err(FormError::ContentType)));
    assert!(matches!(decode::<Channel>(b"{}", None), Err(FormError::ContentType)));
}

#[test]
fn values_are_read_liberally() {
    let body = r#"{"name":"a\u0000b ","topic":null,"rate_limit_per_user":"60","nsfw":1,"unknown":[],
        "permission_overwrites":[{"id":175928847299117063,"allow":"1024"},{"id":"2","allow":8}]}"#;
    let channel: Channel = decode(body.as_bytes(), JSON).unwrap();
    assert_eq!(channel.name, "ab");
    assert_eq!(channel.topic, Patch::Clear);
    assert_eq!((channel.slow_mode_s, channel.nsfw), (Some(60), Some(true)));
    let overwrites = channel.overwrites.unwrap();
    assert_eq!((overwrites[0].id.get(), overwrites[0].allow), (175_928_847_299_117_063, 1024));
    assert_eq!((overwrites[1].id.get(), overwrites[1].allow), (2, 8));
    assert_eq!((channel.status, channel.tag), (None, None));
}

#[test]
fn a_patch_tells_absent_from_null_from_a_value() {
    let topic = |body: &str| decode::<Channel>(body.as_bytes(), JSON).unwrap().topic;
    assert_eq!(topic(r#"{"name":"a"}"#), Patch::Keep);
    assert_eq!(topic(r#"{"name":"a","topic":null}"#), Patch::Clear);
    assert_eq!(topic(r#"{"name":"a","topic":" x "}"#), Patch::Set("x".to_owned()));
    let mut slot = Some("old".to_owned());
    topic(r#"{"name":"a"}"#).apply(&mut slot);
    assert_eq!(slot.as_deref(), Some("old"));
    topic(r#"{"name":"a","topic":null}"#).apply(&mut slot);
    assert_eq!(slot, None);
}

#[test]
fn rules_across_fields_lay_their_faults_beside_the_others() {
    let tree = faults::<Channel>(r#"{"name":"general","nsfw":true,"topic":"longer"}"#);
    assert_eq!(tree["nsfw"]["_errors"][0]["code"], "NOT_HERE");
    assert_eq!(tree["topic"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
}

#[test]
fn a_form_describes_itself() {
    let schema = describe::<Channel>();
    assert_eq!(schema["required"], json!(["name"]));
    assert_eq!(schema["properties"]["name"], json!({ "type": "string", "minLength": 1, "maxLength": 10 }));
    assert_eq!(schema["properties"]["status"]["enum"], json!(["online", "idle", null]));
    let item = schema["properties"]["permission_overwrites"]["items"]["$ref"].as_str().unwrap();
    let name = item.strip_prefix("#/$defs/").unwrap();
    assert_eq!(schema["$defs"][name]["required"], json!(["id"]));
}

struct Tree(Vec<Tree>);

impl Form for Tree {
    fn read(f: &mut Fields) -> Self {
        Self(f.opt("children", list(object(), 5)).unwrap_or_default())
    }
}

#[test]
fn a_form_may_hold_itself_and_be_a_bare_list() {
    let tree: Tree = decode(br#"{"children":[{"children":[{}]},{}]}"#, JSON).unwrap();
    assert_eq!((tree.0.len(), tree.0[0].0.len()), (2, 1));
    assert_eq!(describe::<Tree>()["$defs"].as_object().unwrap().len(), 1);

    #[derive(Debug)]
    struct Moves(Vec<Overwrite>);
    impl Form for Moves {
        fn read(f: &mut Fields) -> Self {
            Self(f.whole(list(object(), 3)))
        }
    }
    assert_eq!(decode::<Moves>(br#"[{"id":1}]"#, JSON).unwrap().0.len(), 1);
    assert_eq!(faults::<Moves>(r#"[{"id":1},{}]"#)["1"]["id"]["_errors"][0]["code"], "BASE_TYPE_REQUIRED");
    assert_eq!(faults::<Moves>("{}")["_errors"][0]["code"], "LIST_TYPE_CONVERT");
    assert_eq!(describe::<Moves>()["type"], "array");
}

#[test]
fn query_strings_repeat_keys_and_spell_booleans() {
    struct Page {
        limit: u8,
        with_counts: bool,
        roles: Vec<Id<kind::Role>>,
        text: Option<String>,
    }
    impl Form for Page {
        fn read(f: &mut Fields) -> Self {
            Self {
                limit: f.or("limit", integer(1..=100), 50),
                with_counts: f.or("with_counts", boolean(), false),
                roles: f.or("include_roles", repeated(snowflake(), 3), Vec::new()),
                text: f.opt("query", raw_text(0..=20)),
            }
        }
    }
    let page: Page =
        decode_query("limit=7&with_counts=True&include_roles=1&include_roles=2&query=a+b%26&x").unwrap();
    assert_eq!((page.limit, page.with_counts, page.roles.len()), (7, true, 2));
    assert_eq!(page.text.as_deref(), Some("a b&"));
    let page: Page = decode_query("include_roles=1,2,3").unwrap();
    assert_eq!((page.limit, page.roles.len()), (50, 3));
    assert!(decode_query::<Page>("limit=101&with_counts=yes").is_err());
    let mut defs = Definitions::of_query("#/");
    assert_eq!(defs.inline::<Page>()["properties"]["limit"]["type"], "integer");
}

#[test]
fn a_form_body_reads_like_a_query() {
    let form = decode::<Overwrite>(b"id=5&allow=1", Some("application/x-www-form-urlencoded")).unwrap();
    assert_eq!((form.id.get(), form.allow), (5, 1));
}

#[test]
fn kinds_refuse_what_they_must() {
    let code = |read: Result<(), FaultTree>| read.unwrap_err().here()[0].code;
    let png = "data:image/png;base64,iVBORw0KGgo=";
    assert_eq!(image_data(100).read(&json!(png)).unwrap().bytes[..4], *b"\x89PNG");
    assert_eq!(code(image_data(2).read(&json!(png)).map(drop)), "BINARY_TYPE_MAX_SIZE");
    for bad in
        ["data:image/svg+xml;base64,AA==", "data:image/avif;base64,AA==", "data:image/png;base64,", "x"]
    {
        assert_eq!(code(image_data(100).read(&json!(bad)).map(drop)), "IMAGE_INVALID");
    }
    for (iso, ms) in [
        ("2026-03-09T17:04:05.123000+00:00", 1_773_075_845_123),
        ("2026-03-09T18:04:05.123+01:00", 1_773_075_845_123),
        ("2026-03-09T17:04:05Z", 1_773_075_845_000),
        ("2026-03-09 17:04:05", 1_773_075_845_000),
    ] {
        assert_eq!(timestamp().read(&json!(iso)).unwrap().0, ms, "{iso}");
    }
    assert_eq!(code(timestamp().read(&json!("soon")).map(drop)), "DATE_TIME_TYPE_PARSE");
    assert_eq!(code(snowflake::<kind::User>().read(&json!("-1")).map(drop)), "NUMBER_TYPE_COERCE");
    assert_eq!(
        code(snowflake::<kind::User>().read(&json!("99999999999999999999")).map(drop)),
        "NUMBER_TYPE_COERCE"
    );
    assert_eq!(code(colour().read(&json!(1 << 24)).map(drop)), "NUMBER_TYPE_MAX");
    assert_eq!(code(colour().read(&json!(-1)).map(drop)), "NUMBER_TYPE_MIN");
    assert_eq!(code(integer(1_u64..=5).read(&json!(1.5)).map(drop)), "NUMBER_TYPE_COERCE");
    assert_eq!(code(list(boolean(), 1).read(&json!([true, true])).map(drop)), "BASE_TYPE_MAX_LENGTH");
    assert_eq!(code(list(boolean(), 3).at_least(2).read(&json!([true])).map(drop)), "BASE_TYPE_MIN_LENGTH");
    let twice = list(snowflake::<kind::User>(), 3).distinct().read(&json!(["1", 1])).unwrap_err();
    assert_eq!(twice.below("1").unwrap().here()[0].code, "SET_TYPE_ALREADY_CONTAINS_VALUE");
    assert_eq!(among(&[(0, 'a'), (2, 'b')]).read(&json!("2")).unwrap(), 'b');
    let pairs = map(snowflake::<kind::Channel>(), boolean(), 5);
    assert_eq!(pairs.read(&json!({ "7": true })).unwrap()[0].0.get(), 7);
    assert!(pairs.read(&json!({ "x": 3 })).unwrap_err().below("x").is_some());
}

proptest::proptest! {
    /// Strangers' bytes, raw or as JSON-like text, are read or refused, and nothing else happens.
    #[test]
    fn no_body_or_query_panics(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        text in r#"[\[\]{}":,\\u0-9a-fnamelrtopicfgs&=%+ -]{0,200}"#,
    ) {
        for body in [bytes.as_slice(), text.as_bytes()] {
            let _ = decode::<Channel>(body, JSON).map(drop);
            let _ = decode::<Channel>(body, Some("application/x-www-form-urlencoded")).map(drop);
        }
        let _ = decode_query::<Channel>(&text).map(drop);
        let _ = decode::<Channel>(format!(r#"{{"name":"{text}","permission_overwrites":[{text}]}}"#).as_bytes(), JSON);
    }
}
