//! Images of a stream's records, as the store reads items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::Item;

/// An image as an item; without attributes if the record has none.
pub fn item(image: &serde_dynamo::Item) -> Item {
    Item::from(HashMap::<String, AttributeValue>::from(image.clone()))
}
