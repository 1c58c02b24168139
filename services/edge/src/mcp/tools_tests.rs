use super::*;

const ALL: [Toolset; 7] =
    [Toolset::Core, Toolset::Market, Toolset::Options, Toolset::News, Toolset::Account, Toolset::Orders, Toolset::Admin];

fn names(toolsets: &[Toolset]) -> Vec<String> {
    let json: Value = serde_json::from_slice(&listing(|tools| Profile::Readonly.has(tools), toolsets)).expect("json");
    json["tools"].as_array().expect("array").iter().map(|tool| tool["name"].as_str().expect("name").to_owned()).collect()
}

#[test]
fn the_list_is_sorted_complete_and_within_its_budget() {
    let default = listing(|tools| Profile::Readonly.has(tools), Toolset::DEFAULT);
    assert!(default.len() < 30_000, "the default list has {} bytes", default.len());
    let whole = listing(|tools| Profile::Admin.has(tools), &ALL);
    assert!(whole.len() < 70_000, "the whole list has {} bytes", whole.len());
    let listed = names(Toolset::DEFAULT);
    assert!(listed.is_sorted() && listed.contains(&"get_account_summary".to_owned()), "{listed:?}");
    let json: Value = serde_json::from_slice(&whole).expect("json");
    for tool in json["tools"].as_array().expect("array") {
        for member in ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] {
            assert!(!tool[member].is_null(), "{member} of {}", tool["name"]);
        }
        assert_eq!((&tool["inputSchema"]["type"], &tool["outputSchema"]["type"]), (&json!("object"), &json!("object")), "{}", tool["name"]);
    }
}

#[test]
fn toolsets_filter() {
    assert!(names(&[]).is_empty());
    for toolset in ALL {
        for name in names(&[toolset]) {
            assert_eq!(::tools::find(&name).expect("listed tools exist").toolset, toolset, "{name}");
        }
    }
}

#[test]
fn an_unknown_tool_names_the_nearest() {
    let problem = unknown_tool("get_positons");
    assert_eq!(problem.code, rpc::INVALID_PARAMS);
    assert!(problem.message.contains("get_positions"), "{}", problem.message);
    let data = problem.data.expect("the fault");
    assert_eq!((&data["code"], &data["nearest"]), (&json!("unknown_tool"), &json!("get_positions")));
    assert!(unknown_tool(&"x".repeat(1_000_000)).message.len() < 300);
}

#[test]
fn parameters_of_a_call() {
    let read = |text: &str| {
        let raw: &RawValue = serde_json::from_str(text).expect("json");
        Params::read(Some(raw)).map(|params| params.arguments.len()).map_err(|problem| problem.code)
    };
    let deep = format!(r#"{{"name":"t","arguments":{{"a":{}{}}}}}"#, "[".repeat(500), "]".repeat(500));
    let table: &[(&str, Result<usize, i32>)] = &[
        (r#"{"name":"t"}"#, Ok(0)),
        (r#"{"name":"t","arguments":null}"#, Ok(0)),
        (r#"{"name":"t","arguments":{}}"#, Ok(0)),
        (r#"{"name":"t","arguments":{"a":1,"a":2}}"#, Ok(1)),
        (r#"{"n\u0061me":"t","arguments":{"a":1},"later":true,"_meta":{"progressToken":1}}"#, Ok(1)),
        (r#"{"name":"t","_meta":{"traceparent":7,"io.modelcontextprotocol/clientInfo":"x"}}"#, Ok(0)),
        (r#"{"name":"t","_meta":null}"#, Ok(0)),
        (r#"{"name":"t","arguments":[]}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":"t","arguments":"{}"}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":"t","arguments":7}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":7}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":null}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":"t","name":"u"}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"name":"t","_meta":[]}"#, Err(rpc::INVALID_PARAMS)),
        (r#"{"arguments":{}}"#, Err(rpc::INVALID_PARAMS)),
        ("{}", Err(rpc::INVALID_PARAMS)),
        ("[]", Err(rpc::INVALID_PARAMS)),
        (r#"["t",{}]"#, Err(rpc::INVALID_PARAMS)),
        (&deep, Err(rpc::INVALID_PARAMS)),
    ];
    for (text, expected) in table {
        assert_eq!(&read(text), expected, "{text}");
    }
    assert_eq!(Params::read(None).err().map(|problem| problem.code), Some(rpc::INVALID_PARAMS));
}
