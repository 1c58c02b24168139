//! The conditions of an order.

use crate::wire::pb::order::OrderCondition;
use crate::wire::text::{FieldReader, TextError};

pub(super) fn condition(fields: &mut FieldReader<'_>) -> Result<OrderCondition, TextError> {
    let kind = fields.int()?;
    let mut condition =
        OrderCondition { kind: Some(kind), is_conjunction_connection: Some(fields.text()? == "a"), ..OrderCondition::default() };
    if kind == 5 {
        condition.sec_type = fields.given()?;
        condition.exchange = fields.given()?;
        condition.symbol = fields.given()?;
        return Ok(condition);
    }
    condition.is_more = Some(fields.flag()?);
    match kind {
        1 => condition.price = fields.decimal()?,
        3 => condition.time = fields.given()?,
        4 => condition.percent = fields.whole()?,
        6 => condition.volume = fields.whole()?,
        7 => condition.change_percent = fields.decimal()?,
        _ => return Err(TextError::Kind { what: "condition", kind }),
    }
    if matches!(kind, 1 | 6 | 7) {
        condition.con_id = fields.whole()?;
        condition.exchange = fields.given()?;
    }
    if kind == 1 {
        condition.trigger_method = fields.whole()?;
    }
    Ok(condition)
}
