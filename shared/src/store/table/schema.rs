//! The one table, as plain data: the embedded engine creates it from here, and a test compares `template.yaml` with it.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};

/// The table of everything Approvals keeps; see [`super::keys`] for what stands in `PK` and `SK`.
pub const APPROVALS: Schema = Schema {
    name: "approvals",
    key: Key { partition: "PK", sort: "SK" },
    indexes: &[
        Index { name: "by_requester", key: Key { partition: "rq", sort: "cr" } },
        Index { name: "by_template", key: Key { partition: "tp", sort: "cr" } },
        Index { name: "due", key: Key { partition: "ds", sort: "du" } },
    ],
    expires_at: "ttl",
    streamed: true,
};

/// How long each tenant's log is: a table of its own, so that a restore of the other cannot set it back.
pub const LOCKS: Schema =
    Schema { name: "approvals-archive", key: Key { partition: "PK", sort: "SK" }, indexes: &[], expires_at: "ttl", streamed: false };

/// A table, on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The name where nobody gives another one (on AWS the stack names its table).
    pub name: &'static str,
    pub key: Key,
    /// Sparse and KEYS_ONLY, all of them: an item without an index's attributes costs nothing there, and a write
    /// that leaves them alone does not touch it.
    pub indexes: &'static [Index],
    /// The TTL attribute, in seconds since 1970.
    pub expires_at: &'static str,
    /// Whether its changes are told, with both images.
    pub streamed: bool,
}

/// A composite key; both attributes are strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub partition: &'static str,
    pub sort: &'static str,
}

/// A global secondary index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    pub key: Key,
}

impl Schema {
    /// Every attribute some key names, each once, in the order of first use.
    pub fn key_attributes(&self) -> Vec<&'static str> {
        let keys = std::iter::once(self.key).chain(self.indexes.iter().map(|index| index.key));
        let mut names = Vec::new();
        for name in keys.flat_map(|key| [key.partition, key.sort]) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The `CreateTable` call that makes this table under `name`. TTL is a call of its own on DynamoDB.
    ///
    /// # Errors
    /// `BuildError` if the SDK comes to want a field that is not given here.
    pub fn create(&self, name: &str) -> Result<CreateTableInputBuilder, BuildError> {
        let mut input = CreateTableInputBuilder::default()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(self.key.schema()?));
        if self.streamed {
            let both = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
            input = input.stream_specification(both.build()?);
        }
        for attribute in self.key_attributes() {
            input = input.attribute_definitions(
                AttributeDefinition::builder().attribute_name(attribute).attribute_type(ScalarAttributeType::S).build()?,
            );
        }
        for index in self.indexes {
            let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            input = input.global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index.name)
                    .set_key_schema(Some(index.key.schema()?))
                    .projection(keys_only)
                    .build()?,
            );
        }
        Ok(input)
    }
}

impl Key {
    fn schema(self) -> Result<Vec<KeySchemaElement>, BuildError> {
        [(self.partition, KeyType::Hash), (self.sort, KeyType::Range)]
            .into_iter()
            .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_attribute_is_defined_once() {
        assert_eq!(APPROVALS.key_attributes(), ["PK", "SK", "rq", "cr", "tp", "ds", "du"]);
    }

    #[test]
    fn the_call_carries_table_stream_and_sparse_indexes() {
        let input = APPROVALS.create("approvals-test").unwrap().build().unwrap();
        assert_eq!(input.table_name(), Some("approvals-test"));
        assert_eq!(input.attribute_definitions().len(), 7);
        let indexes: Vec<_> = input.global_secondary_indexes().iter().map(|index| index.index_name()).collect();
        assert_eq!(indexes, ["by_requester", "by_template", "due"]);
        assert!(
            input
                .global_secondary_indexes()
                .iter()
                .all(|index| { index.projection().and_then(|p| p.projection_type()) == Some(&ProjectionType::KeysOnly) })
        );
        let stream = input.stream_specification().unwrap();
        assert_eq!(stream.stream_view_type(), Some(&StreamViewType::NewAndOldImages));
    }
}
