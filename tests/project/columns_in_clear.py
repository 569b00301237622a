"""The columns that can hold a text and that no erasure blanks, by what they hold.

Of the engine's tables every column that can hold a text is here, with what an erasure does to it.
"""

from __future__ import annotations

from collections.abc import Mapping

ENGINE: Mapping[str, str] = {
    "the value itself, sealed: lost with the key": """
        journal.data tasks.body tasks.reply_body object_parts.sealed vault.sealed""",
    "of the subject's objects: the row is deleted": """
        objects.sha256 objects.wrapped""",
    "a state in clear: deleted under the erasure's partition key": """
        snapshots.state""",
    "the wrapped key: destroyed": """
        subject_keys.wrapped""",
    "an id, or the name of a caller, a stream or a process": """
        journal.actor journal.context journal.key journal.name journal.stream journal.subject
        subject_keys.subject edges.context snapshots.context snapshots.key snapshots.schema snapshots.stream
        partitions.context tasks.context tasks.key tasks.kind tasks.name tasks.owner tasks.reply_name
        tasks.reply_subject tasks.state tasks.subject projections.context projections.halted_at projections.name
        projections.personal projections.state projections.subject projections.table_name
        projection_checkpoints.table_name log_halts.context log_halts.role heartbeats.instance heartbeats.role
        installation.log objects.context objects.key objects.subject
        vault.context vault.key vault.subject""",
    "a hash or a mark": """
        claims.fingerprint installation.master installation.secret journal.hash partitions.hash""",
    "a caller's id or address, for the length of a rate limit's window": """
        rate_windows.key""",
    "the kind of an error and its place, without what was in the message": """
        projections.error log_halts.error tasks.error""",
    "our own words for a call without an answer": """
        tasks.doubt""",
}

READ_MODELS: Mapping[str, str] = {
    "an id that we or a caller give": """
        communication_token_holders.holder communication_tokens.holder communication_tokens.key_id
        communication_tokens.token_id communication_webhook_cursors.endpoint_id
        communication_webhook_endpoints.endpoint_id communication_webhooks.data_subject
        communication_webhooks.endpoint_id communication_webhooks.webhook_id gccp_ai_calls.owner
        gccp_exports.owner gccp_generation_calls.owner gccp_generation_progress.owner
        gccp_generation_steps.owner gccp_generations.owner gccp_token_holders.holder gccp_tokens.holder
        gccp_tokens.key_id gccp_tokens.token_id gccp_usage.owner gccp_webhook_cursors.endpoint_id
        gccp_webhook_endpoints.endpoint_id gccp_webhooks.data_subject gccp_webhooks.endpoint_id
        gccp_webhooks.webhook_id communication_deliveries.provider_id""",
    "a name of ours, of a provider or of a model": """
        communication_consents.channel communication_consents.message_type communication_consents.status
        communication_daily.channel communication_daily.trigger_type communication_budget_thresholds.period
        communication_deliveries.channel communication_deliveries.part communication_deliveries.provider
        communication_deliveries.template communication_deliveries.trigger_type communication_messages.phase
        communication_messages.priority communication_messages.reason communication_messages.trigger_type
        communication_messages.wish communication_webhook_endpoints.health communication_webhooks.event_type
        communication_webhooks.status gccp_ai_calls.model gccp_ai_calls.status gccp_ai_calls.stop_reason
        gccp_exports.status gccp_generation_calls.model gccp_generation_calls.provider
        gccp_generation_calls.result gccp_generation_calls.step gccp_generation_progress.event
        gccp_generation_progress.step gccp_generation_steps.model gccp_generation_steps.provider
        gccp_generation_steps.status gccp_generation_steps.step gccp_generations.failed_step
        gccp_generations.mode gccp_generations.resumed_from gccp_generations.status gccp_generations.step
        gccp_usage.kind gccp_webhook_endpoints.health gccp_webhooks.event_type gccp_webhooks.status""",
    "a code of a list": """
        communication_deliveries.code communication_webhooks.code gccp_ai_calls.code gccp_exports.code
        gccp_generation_calls.code gccp_generation_progress.code gccp_generations.cause gccp_generations.code
        gccp_webhooks.code""",
    "our own words about a receiver, whose answer is not read": """
        communication_webhooks.reason gccp_webhooks.reason""",
    "an operator's endpoint or token, which is about nobody": """
        communication_tokens.limits communication_tokens.scopes communication_tokens.tenant
        communication_tokens.tier communication_webhook_endpoints.origin communication_webhook_endpoints.reason
        communication_webhook_endpoints.types communication_webhook_endpoints.url gccp_tokens.limits
        gccp_tokens.scopes gccp_tokens.tenant gccp_tokens.tier gccp_webhook_endpoints.origin
        gccp_webhook_endpoints.reason gccp_webhook_endpoints.types gccp_webhook_endpoints.url""",
    "switches and times, a zone of IANA's list, and a caller's name for a group of people": """
        communication_recipients.preferences""",
    "a hash that only this installation can make": """
        communication_dead_mailboxes.mark""",
}
"""Columns of the read models of communication and gccp, as `model.column`."""

CONTENT_GENERATOR: Mapping[str, str] = {
    "an id: ours, a client's, a provider's, or that of who acted": """
        content_generator_batches.campaign_id content_generator_campaign_counters.campaign_id
        content_generator_campaign_recipients.campaign_id content_generator_campaigns.campaign_id
        content_generator_campaigns.root content_generator_campaigns.tenant
        content_generator_channel_states.job_id content_generator_channel_states.tenant
        content_generator_connections.connection_id content_generator_connections.node
        content_generator_connections.session content_generator_connections.session_id
        content_generator_connections.tenant content_generator_contents.document content_generator_contents.id
        content_generator_contents.owner content_generator_contents.tenant
        content_generator_document_fetches.document content_generator_document_versions.digest
        content_generator_document_versions.document content_generator_document_versions.source_version
        content_generator_feedback.session content_generator_generations.document
        content_generator_generations.generation_id content_generator_generations.tenant
        content_generator_job_counters.tenant content_generator_job_hours.tenant
        content_generator_jobs.correlation_id content_generator_jobs.document_id content_generator_jobs.job_id
        content_generator_jobs.root content_generator_jobs.tenant content_generator_links.campaign_id
        content_generator_live_messages.announcement_id content_generator_live_messages.session
        content_generator_participants.session content_generator_posts.post_id
        content_generator_posts.provider_id content_generator_posts.resolved_by content_generator_posts.root
        content_generator_posts.tenant content_generator_publications.content_id
        content_generator_publications.provider_id content_generator_publications.root
        content_generator_publications.tenant content_generator_sessions.session
        content_generator_sessions.session_id content_generator_sessions.tenant
        content_generator_summaries.content_id content_generator_summaries.root
        content_generator_summaries.session_id content_generator_summaries.tenant
        content_generator_syncs.document_id content_generator_syncs.tenant""",
    "a code of a list": """
        content_generator_batches.code content_generator_campaigns.code content_generator_document_fetches.code
        content_generator_generations.code content_generator_posts.code content_generator_publications.code""",
    "a name or figure of ours or of a provider": """
        content_generator_batches.phase content_generator_campaigns.phase
        content_generator_channel_states.channel content_generator_channel_states.job_status
        content_generator_channel_states.kind content_generator_channel_states.phase
        content_generator_connections.role content_generator_generations.channels
        content_generator_generations.phase content_generator_job_counters.channel
        content_generator_job_counters.status content_generator_job_hours.channel
        content_generator_job_hours.status content_generator_jobs.channels content_generator_jobs.kind
        content_generator_jobs.status content_generator_live_messages.type content_generator_posts.network
        content_generator_posts.phase content_generator_publications.category
        content_generator_publications.metrics content_generator_publications.phase
        content_generator_recipients.source content_generator_recipients.status content_generator_sessions.phase
        content_generator_summaries.channels""",
    "a provider's words about a document, a page, a post or a whole audience": """
        content_generator_batches.reason content_generator_campaigns.reason
        content_generator_channel_states.error content_generator_document_fetches.reason
        content_generator_generations.reason content_generator_jobs.errors content_generator_posts.reason
        content_generator_publications.reason""",
    "a hash that only this installation can make": """
        content_generator_campaign_recipients.mark content_generator_connections.mark
        content_generator_feedback.mark content_generator_live_messages.mark content_generator_participants.mark
        content_generator_recipients.mark content_generator_sessions.instructor_mark""",
    "the address of what is published, or of a link in it": """
        content_generator_channel_states.result content_generator_jobs.results content_generator_links.url
        content_generator_posts.url content_generator_publications.url""",
    "what a client writes, or has written, for many to read": """
        content_generator_contents.content content_generator_contents.options
        content_generator_document_versions.content content_generator_live_messages.payload
        content_generator_publications.title content_generator_sessions.title content_generator_summaries.facts""",
    "an operator's endpoint or token, which is about nobody": """
        content_generator_token_holders.holder content_generator_tokens.holder content_generator_tokens.key_id
        content_generator_tokens.limits content_generator_tokens.scopes content_generator_tokens.tenant
        content_generator_tokens.tier content_generator_tokens.token_id
        content_generator_webhook_cursors.endpoint_id content_generator_webhook_endpoints.endpoint_id
        content_generator_webhook_endpoints.health content_generator_webhook_endpoints.origin
        content_generator_webhook_endpoints.reason content_generator_webhook_endpoints.types
        content_generator_webhook_endpoints.url""",
    "a webhook: ids, types, and our own words about a receiver, whose answer is not read": """
        content_generator_webhooks.code content_generator_webhooks.data_subject
        content_generator_webhooks.endpoint_id content_generator_webhooks.event_type
        content_generator_webhooks.reason content_generator_webhooks.status
        content_generator_webhooks.webhook_id""",
}
"""Columns of content-generator's read models. What is about a person there stands under their mark."""

CREATOR_HUB: Mapping[str, str] = {
    "an id, or several; of files and passages their hashes too": """
        creator_hub_badges.badge_id creator_hub_badges.creator_id creator_hub_badges.program_id
        creator_hub_badges.user_id creator_hub_channels.channel_id creator_hub_channels.creator_id
        creator_hub_channels.phone_number_id creator_hub_channels.vault creator_hub_chunks.chunk_id
        creator_hub_chunks.creator_id creator_hub_chunks.document_id creator_hub_chunks.knowledge_base_id
        creator_hub_daily.channel_id creator_hub_daily.creator_id creator_hub_daily_members.channel_id
        creator_hub_daily_members.creator_id creator_hub_daily_members.user_id
        creator_hub_daily_programs.creator_id creator_hub_daily_programs.program_id
        creator_hub_daily_rules.creator_id creator_hub_daily_rules.rule_id creator_hub_documents.creator_id
        creator_hub_documents.document_id creator_hub_documents.knowledge_base_id
        creator_hub_enrollments.creator_id creator_hub_enrollments.enrollment_id creator_hub_enrollments.flow_id
        creator_hub_enrollments.program_id creator_hub_enrollments.user_id creator_hub_exports.creator_id
        creator_hub_exports.export_id creator_hub_exports.files creator_hub_exports.requested_by
        creator_hub_flows.creator_id
        creator_hub_flows.flow_id creator_hub_flows.program_id
        creator_hub_knowledge_base_counters.knowledge_base_id creator_hub_knowledge_bases.creator_id
        creator_hub_knowledge_bases.knowledge_base_id creator_hub_member_counters.user_id
        creator_hub_members.channel_id creator_hub_members.creator_id creator_hub_members.user_id
        creator_hub_messages.cause creator_hub_messages.channel_id creator_hub_messages.creator_id
        creator_hub_messages.message_id creator_hub_messages.reply_id creator_hub_messages.user_id
        creator_hub_program_counters.program_id creator_hub_programs.creator_id creator_hub_programs.flow_id
        creator_hub_programs.program_id creator_hub_replies.cause creator_hub_replies.channel_id
        creator_hub_replies.citations creator_hub_replies.creator_id creator_hub_replies.knowledge_base_ids
        creator_hub_replies.message_id creator_hub_replies.reply_id creator_hub_replies.user_id
        creator_hub_rules.creator_id creator_hub_rules.rule_id creator_hub_spells.rule_id
        creator_hub_spells.user_id creator_hub_steps.creator_id creator_hub_steps.enrollment_id
        creator_hub_steps.message_id creator_hub_steps.program_id creator_hub_steps.user_id
        creator_hub_trigger_actions.creator_id creator_hub_trigger_actions.message_id
        creator_hub_trigger_actions.trigger_id creator_hub_trigger_actions.user_id
        creator_hub_triggers.creator_id creator_hub_triggers.rule_id creator_hub_triggers.trigger_id
        creator_hub_triggers.user_id""",
    "a name or a code of a short list of ours or of a provider, or numbers": """
        creator_hub_channels.channel_type creator_hub_channels.code creator_hub_channels.status
        creator_hub_chunks.embedding_model creator_hub_chunks.model creator_hub_daily.channel_type
        creator_hub_documents.code
        creator_hub_documents.file_type creator_hub_documents.model creator_hub_documents.status
        creator_hub_enrollments.enrolled_by creator_hub_exports.code creator_hub_exports.export_format
        creator_hub_exports.mail creator_hub_exports.metrics creator_hub_exports.phase
        creator_hub_members.channel_type creator_hub_messages.channel_type creator_hub_messages.code
        creator_hub_messages.content creator_hub_messages.phase creator_hub_messages.type
        creator_hub_messages.unanswered creator_hub_programs.status creator_hub_replies.model
        creator_hub_replies.prompt_version creator_hub_replies.reason creator_hub_replies.status
        creator_hub_replies.usage creator_hub_steps.kind creator_hub_steps.reason creator_hub_steps.status
        creator_hub_trigger_actions.skip_reason creator_hub_triggers.delays creator_hub_triggers.skip_reason""",
    "a time zone or a language, checked against its list": """
        creator_hub_members.language creator_hub_members.time_zone""",
    "what a creator writes for many members, and the channel's own settings without its credentials": """
        creator_hub_badges.badge_name creator_hub_channels.channel_name creator_hub_channels.configuration
        creator_hub_channels.credentials creator_hub_enrollments.node creator_hub_enrollments.passed
        creator_hub_flows.edges creator_hub_flows.nodes creator_hub_knowledge_bases.description
        creator_hub_knowledge_bases.knowledge_base_name creator_hub_knowledge_bases.settings
        creator_hub_messages.template creator_hub_programs.description creator_hub_programs.flow_definition
        creator_hub_programs.program_name creator_hub_programs.settings creator_hub_rules.actions
        creator_hub_rules.description creator_hub_rules.rule_name creator_hub_rules.status_reason
        creator_hub_rules.trigger_conditions creator_hub_steps.node creator_hub_steps.passed""",
    "an operator's endpoint or token, which is about nobody": """
        creator_hub_token_holders.holder creator_hub_tokens.holder creator_hub_tokens.key_id
        creator_hub_tokens.limits creator_hub_tokens.scopes creator_hub_tokens.tenant creator_hub_tokens.tier
        creator_hub_tokens.token_id creator_hub_webhook_cursors.endpoint_id
        creator_hub_webhook_endpoints.endpoint_id creator_hub_webhook_endpoints.health
        creator_hub_webhook_endpoints.origin creator_hub_webhook_endpoints.reason
        creator_hub_webhook_endpoints.types creator_hub_webhook_endpoints.url""",
    "a webhook: ids, types, and our own words about a receiver, whose answer is not read": """
        creator_hub_webhooks.code creator_hub_webhooks.data_subject creator_hub_webhooks.endpoint_id
        creator_hub_webhooks.event_type creator_hub_webhooks.reason creator_hub_webhooks.status
        creator_hub_webhooks.webhook_id""",
}
"""Columns of creator-hub's read models. What is about a member or a document there stands under its id."""
