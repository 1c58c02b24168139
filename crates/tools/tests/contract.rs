//! What `tools/list` promises: ib-mcp's contract, valid schemas, honest hints, few bytes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tools::{Profile, TOOLS, Tool, Toolset, find};

/// Of ib-mcp 0.3.1, not served yet.
const LATER: &[&str] = &["get_index_quote"];

const LISTING_BYTES_MAX: usize = 30_000;
const WHOLE_LISTING_BYTES_MAX: usize = 70_000;

fn tool(name: &str) -> &'static Tool {
    find(name).expect(name)
}

fn ib_mcp() -> Vec<Value> {
    let text = include_str!("data/ib-mcp-0.3.1-tools.json");
    let dump: Value = serde_json::from_str(text).expect("json");
    dump["tools"].as_array().expect("tools").clone()
}

#[test]
fn every_tool_of_ib_mcp_keeps_its_parameters() {
    let mut compared = 0;
    for theirs in ib_mcp() {
        let name = theirs["name"].as_str().expect("name");
        if LATER.contains(&name) {
            continue;
        }
        let ours = tool(name).input_schema();
        assert_eq!(tool(name).name, name, "{name} must be a name, not an alias");
        assert_eq!(ours["required"], theirs["inputSchema"]["required"], "{name}");
        assert_eq!(ours["additionalProperties"], json!(false), "{name}");
        for (parameter, wanted) in theirs["inputSchema"]["properties"].as_object().expect("properties") {
            let got = &ours["properties"][parameter];
            for keyword in ["type", "default", "minimum", "maximum", "items", "minItems", "maxItems"] {
                assert_eq!(got.get(keyword), wanted.get(keyword), "{name}.{parameter}.{keyword}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 53, "all parameters of twelve tools");
}

#[test]
fn parameters_of_ib_mcp_come_first_and_in_its_order() {
    for theirs in ib_mcp().iter().filter(|tool| !LATER.contains(&tool["name"].as_str().expect("name"))) {
        let keys = |schema: &Value| schema["properties"].as_object().expect("properties").keys().cloned().collect::<Vec<_>>();
        let (ours, wanted) = (keys(&tool(theirs["name"].as_str().expect("name")).input_schema()), keys(&theirs["inputSchema"]));
        assert_eq!(ours[..wanted.len()], wanted[..]);
    }
}

#[test]
fn names_are_sorted_and_no_name_means_two_tools() {
    let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    let mut seen = BTreeSet::new();
    for tool in TOOLS {
        for name in tool.aliases.iter().chain([&tool.name]) {
            assert!(seen.insert(*name), "{name} twice");
            assert_eq!(find(name).map(|found| found.name), Some(tool.name));
        }
    }
    assert!(find("get_positionz").is_none());
}

#[test]
fn every_tool_says_who_it_is_and_what_it_does_to_the_world() {
    for tool in TOOLS {
        let name = tool.name;
        assert!(!tool.title.is_empty() && (20..=300).contains(&tool.about.chars().count()), "{name}: {}", tool.about.len());
        assert!(name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        let of_gateway = tool.operation().family == "gateway";
        let listing = tool.listing(name);
        let reads = if of_gateway { ["gateway_diagnose", "gateway_status"].contains(&name) } else { !tool.compat };
        assert_eq!(listing["annotations"]["readOnlyHint"], json!(reads), "{name}");
        for hint in ["destructiveHint", "idempotentHint"] {
            assert_eq!(listing["annotations"][hint].is_boolean(), !reads, "{name}: {hint} means something only where it writes");
        }
        let (profile, admin) = if of_gateway { (Profile::Admin, true) } else { (Profile::Readonly, false) };
        assert_eq!((tool.profile, tool.toolset == Toolset::Admin), (profile, admin), "{name}");
        assert_eq!(listing["description"], json!(tool.about), "{name}");
        assert!(schemas::find(&tool.operation().name()).is_some(), "{name}: its operation is in no table");
    }
}

#[test]
fn input_schemas_are_valid_and_their_defaults_and_examples_obey_them() {
    for tool in TOOLS {
        let schema = tool.input_schema();
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{}: {error}", tool.name));
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["description"].as_str().is_some_and(|about| !about.is_empty()), "{}.{name}", tool.name);
            let of_type = jsonschema::draft202012::new(property).expect("schema");
            let examples = property.get("examples").and_then(Value::as_array).into_iter().flatten();
            for value in property.get("default").into_iter().chain(examples) {
                assert!(of_type.is_valid(value), "{}.{name}: {value}", tool.name);
            }
        }
    }
}

#[test]
fn sending_every_default_asks_the_same_as_sending_none_where_nothing_yields() {
    for name in ["get_account", "get_account_summary", "get_positions", "get_article", "search_contracts"] {
        let mut required = Map::new();
        let mut all = Map::new();
        for (argument, schema) in tool(name).input_schema()["properties"].as_object().expect("properties") {
            match schema.get("default") {
                Some(default) => drop(all.insert(argument.clone(), default.clone())),
                None => {
                    required.insert(argument.clone(), json!("ABC"));
                    all.insert(argument.clone(), json!("ABC"));
                }
            }
        }
        assert_eq!(tool(name).bind(&required).expect(name).params, tool(name).bind(&all).expect(name).params, "{name}");
    }
}

/// The schema behind a reference, and what one of several options is when the others are null.
fn meant<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(to) = schema["$ref"].as_str() {
        return meant(root, root.pointer(to.trim_start_matches('#')).expect("a reference leads somewhere"));
    }
    match schema["anyOf"].as_array() {
        Some(options) => meant(root, options.iter().find(|option| option["type"] != json!("null")).expect("not only null")),
        None => schema,
    }
}

fn types(schema: &Value) -> BTreeSet<&str> {
    schema["type"]
        .as_array()
        .map_or_else(|| schema["type"].as_str().into_iter().collect(), |types| types.iter().filter_map(Value::as_str).collect())
}

/// The names that a text may be, where it is one of a few.
fn names(schema: &Value) -> BTreeSet<&str> {
    let options = std::iter::once(schema).chain(schema["oneOf"].as_array().into_iter().flatten());
    options
        .flat_map(|option| {
            option["const"].as_str().into_iter().chain(option["enum"].as_array().into_iter().flatten().filter_map(Value::as_str))
        })
        .collect()
}

/// Fails unless `output` has every field of `written`, each of its type.
fn same_fields(path: &str, (output_root, output): (&Value, &Value), (written_root, written): (&Value, &Value)) {
    let object = |schema: &Value| types(meant(written_root, schema)).contains("object");
    // A member that is one object is told as an object and no more; rows are told whole.
    if !path.is_empty() && !path.ends_with("[]") && object(written) {
        let nullable = written.get("anyOf").is_some();
        let wanted = if nullable { BTreeSet::from(["object", "null"]) } else { BTreeSet::from(["object"]) };
        let told = types(output);
        assert!(told == wanted || told == BTreeSet::from(["object"]), "{path}: {told:?}");
        assert!(output.get("properties").is_none(), "{path}");
        return;
    }
    let (output, written) = (meant(output_root, output), meant(written_root, written));
    let of_few = names(written);
    // A later release may know more names of an open enum, so they are not told.
    let open = of_few.contains("unknown");
    assert_eq!(names(output), if open { BTreeSet::new() } else { of_few.clone() }, "{path}");
    let mut wanted = types(written);
    if types(output).len() < wanted.len() {
        wanted.remove("null");
    }
    if of_few.is_empty() {
        assert_eq!(types(output), wanted, "{path}");
    } else {
        assert_eq!(types(output), BTreeSet::from(["string"]), "{path}");
    }
    let fields = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let (ours, theirs) = (fields(output), fields(written));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{path}");
    for (name, field) in theirs.iter().filter(|(name, _)| !(path.is_empty() && *name == "context")) {
        same_fields(&format!("{path}.{name}"), (output_root, &ours[name]), (written_root, field));
    }
    assert_eq!(output.get("items").is_some(), written.get("items").is_some(), "{path}");
    if let Some(items) = written.get("items") {
        same_fields(&format!("{path}[]"), (output_root, &output["items"]), (written_root, items));
    }
}

#[test]
fn output_schemas_tell_every_field_of_the_operations_replies() {
    for tool in TOOLS {
        let output = tool.output_schema();
        jsonschema::draft202012::meta::validate(&output).unwrap_or_else(|error| panic!("{}: {error}", tool.name));
        jsonschema::draft202012::new(&output).unwrap_or_else(|error| panic!("{}: {error}", tool.name));
        assert_eq!(output["type"], json!("object"), "{}", tool.name);
        let written = (tool.operation().written_schema)().to_value();
        same_fields("", (&output, &output), (&written, &written));
        if tool.operation().family == "gateway" || !tool.operation().over_nats() {
            assert!(output["properties"].get("context").is_none(), "{}", tool.name);
            continue;
        }
        assert_eq!(output["properties"]["context"], json!({"type": "object"}), "{}", tool.name);
    }
}

#[test]
fn a_field_may_be_null_only_where_services_write_null() {
    let output = |name: &str| jsonschema::draft202012::new(&tool(name).output_schema()).expect("schema");
    let chain = output("get_option_chain_greeks");
    assert!(chain.is_valid(&json!({"underlying_price": null, "rows": [{"strike": 190, "greeks_source": "bs"}]})));
    for row in [json!({"bid": null}), json!({"greeks_source": null}), json!({"settlement": "NOON"}), json!({"strike": "190"})] {
        assert!(!chain.is_valid(&json!({"rows": [row]})), "{row}");
    }
    assert!(chain.is_valid(&json!({"rows": [{"greeks_source": "a later release's", "settlement": "AM"}], "missing": [{"what": "moon"}]})));
    assert!(!chain.is_valid(&json!({"missing": [{"what": 7}]})), "a text all the same");
    assert!(output("get_account").is_valid(&json!({"realized_pnl": null})));
}

#[test]
fn the_listings_are_small() {
    let listed = TOOLS.iter().filter(|tool| Toolset::DEFAULT.contains(&tool.toolset));
    let named = listed.flat_map(|tool| tool.listed_as(|other| Profile::Readonly.has(other)).map(move |name| (name, tool.listing(name))));
    let listings: Vec<(&str, Value)> = named.collect();
    let size = |part: &Value| part.to_string().len();
    let bytes: usize = listings.iter().map(|(_, listing)| size(listing) + 1).sum();
    let parts = |(name, listing): &(&str, Value)| {
        format!("{name}: input {}, output {}", size(&listing["inputSchema"]), size(&listing["outputSchema"]))
    };
    assert!(bytes < LISTING_BYTES_MAX, "{bytes} bytes:\n{}", listings.iter().map(parts).collect::<Vec<_>>().join("\n"));
    let whole: usize = TOOLS.iter().map(|tool| size(&tool.listing(tool.name)) + 1).sum();
    assert!(whole < WHOLE_LISTING_BYTES_MAX, "{whole} bytes");
}

/// The specification's section 4.2, of what is served.
#[test]
fn core_is_what_most_callers_need_and_nothing_else() {
    let listed = |toolset: Toolset| {
        let of_set = TOOLS.iter().filter(move |tool| tool.toolset == toolset && !tool.compat);
        of_set.map(|tool| tool.name).collect::<BTreeSet<_>>()
    };
    let of_ib_mcp: BTreeSet<String> = ib_mcp().iter().map(|tool| tool["name"].as_str().expect("name").to_owned()).collect();
    let served = of_ib_mcp.iter().map(String::as_str).filter(|name| !LATER.contains(name));
    // Its three about options have a toolset of their own, which the default list has too.
    let core: BTreeSet<&str> =
        served.filter(|name| !listed(Toolset::Options).contains(name)).chain(["get_account", "get_health"]).collect();
    assert_eq!(listed(Toolset::Core), core);
    assert_eq!(listed(Toolset::Orders), BTreeSet::from(["get_completed_orders", "get_executions", "get_open_orders"]));
}

#[test]
fn the_readme_tells_each_tool_in_its_toolset() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md");
    let table = readme.split_once("| toolset | tools |").expect("a table").1.split("\n\n").next().expect("its lines");
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let told = table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0).zip(line.splitn(3, '|').nth(2)));
    let told: BTreeSet<(String, String)> =
        told.flat_map(|(toolset, tools)| quoted(tools).into_iter().map(move |tool| (toolset.to_owned(), tool))).collect();
    let is: BTreeSet<(String, String)> =
        TOOLS.iter().filter(|tool| !tool.compat).map(|tool| (tool.toolset.as_str().to_owned(), tool.name.to_owned())).collect();
    assert_eq!(told, is);
}

#[test]
fn names_of_tws_mcp_are_callable_always_and_listed_only_where_they_are_wanted() {
    let theirs = include_str!("data/tws-mcp-tools.txt");
    for tool in TOOLS {
        for name in tool.aliases.iter().chain(tool.compat.then_some(&tool.name)) {
            assert!(theirs.lines().any(|line| line == *name), "{name} is none of tws-mcp's");
            assert_eq!(find(name).map(|found| found.name), Some(tool.name));
        }
        let listed = |profile: Profile| tool.listed_as(|other| profile.has(other)).collect::<Vec<_>>();
        let own: Vec<&str> = if tool.profile != Profile::Readonly || tool.compat { Vec::new() } else { vec![tool.name] };
        assert_eq!(listed(Profile::Readonly), own, "{}", tool.name);
        if tool.profile == Profile::Readonly {
            let all: Vec<&str> = std::iter::once(tool.name).chain(tool.aliases.iter().copied()).collect();
            assert_eq!(listed(Profile::CompatTws), all, "{}", tool.name);
        }
    }
    for name in ["connect", "disconnect", "get_status", "get_historical_data", "get_positions", "get_account_summary", "get_open_orders"] {
        assert!(find(&format!("ibkr_{name}")).is_some(), "{name}");
    }
}

#[test]
fn profiles_and_toolsets_have_names() {
    for profile in Profile::ALL {
        assert_eq!(Profile::parse(profile.as_str()), Some(*profile));
        assert!(profile.has(Profile::Readonly) && profile.has(*profile));
    }
    assert!(!Profile::Readonly.has(Profile::Trading) && !Profile::Trading.has(Profile::Admin) && !Profile::CompatTws.has(Profile::Trading));
    for toolset in Toolset::ALL {
        assert_eq!(Toolset::parse(toolset.as_str()), Some(*toolset));
    }
}
