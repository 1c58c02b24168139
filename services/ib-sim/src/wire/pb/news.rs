//! News providers, headlines and articles.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsProvider {
    #[prost(string, optional, tag = "1")]
    pub(crate) provider_code: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) provider_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsProviders {
    #[prost(message, repeated, tag = "1")]
    pub(crate) news_providers: Vec<NewsProvider>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalNewsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) con_id: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) provider_codes: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) start_date_time: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) end_date_time: Option<String>,
    #[prost(int32, optional, tag = "6")]
    pub(crate) total_results: Option<i32>,
    #[prost(map = "string, string", tag = "7")]
    pub(crate) historical_news_options: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalNews {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) provider_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) article_id: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) headline: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalNewsEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(bool, optional, tag = "2")]
    pub(crate) has_more: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsArticleRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) provider_code: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) article_id: Option<String>,
    #[prost(map = "string, string", tag = "4")]
    pub(crate) news_article_options: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsArticle {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) article_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) article_text: Option<String>,
}
