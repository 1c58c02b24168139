use super::*;

fn routing(seek: bool) -> UpdateConfigRequest {
    let smart_routing = Some(OrdersSmartRoutingConfig { seek_price_improvement: Some(seek), ..Default::default() });
    UpdateConfigRequest { orders: Some(OrdersConfig { smart_routing }), ..Default::default() }
}

fn fields(update: &UpdateConfigRequest) -> Vec<String> {
    let config = Config::new(&Settings::default());
    let (next, _) = config.changed(update);
    let mut found = Vec::new();
    differences(&serde_json::to_value(&config).unwrap(), &serde_json::to_value(&next).unwrap(), "", &mut found);
    found
}

#[test]
fn only_what_is_given_and_differs_changes() {
    assert_eq!(fields(&routing(true)), ["orders.smartRouting.seekPriceImprovement"]);
    assert!(fields(&routing(false)).is_empty() && fields(&UpdateConfigRequest::default()).is_empty());
    let precautions = Some(ApiPrecautionsConfig { bypass_bond_warning: Some(true), ..Default::default() });
    let update = UpdateConfigRequest { api: Some(ApiConfig { precautions, settings: None }), ..Default::default() };
    assert_eq!(fields(&update), ["api.precautions.bypassBondWarning"]);
}

#[test]
fn silencing_a_prompt_wants_its_warning_accepted() {
    let config = Config::new(&Settings::default());
    let silent = MessageConfig { id: Some(131), enabled: Some(false), ..Default::default() };
    let mut update = UpdateConfigRequest { messages: vec![silent], ..Default::default() };
    assert_eq!(config.changed(&update).1.len(), 1);
    update.accepted_warnings = vec![UpdateConfigWarning { message_id: Some(131), ..Default::default() }];
    let (next, warnings) = config.changed(&update);
    assert!(warnings.is_empty() && next.messages[0].enabled == Some(false));
    assert_eq!(fields(&update), ["messages[131].enabled"]);
    assert_eq!(next.messages[0].title, config.messages[0].title);
}
