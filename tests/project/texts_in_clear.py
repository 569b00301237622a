"""The texts in messages that are stored in clear, as `Class.field`, by the reason why.

Enumerations, literals and other types need no entry, and no personal field does.
"""

from __future__ import annotations

from collections.abc import Mapping

EVERYWHERE: Mapping[str, str] = {
    "our own id, or the id that a caller gives a person": """
        AllowCode.number CancelGeneration.caller CancelGeneration.owner CodeAllowed.number CompleteAiCall.owner
        Completion.recipient_id Completion.reference Decided.data_subject DeliverWebhook.data_subject
        DeliverWebhook.endpoint_id DeliverWebhook.webhook_id ConfigureWebhookEndpoint.endpoint_id
        DisableWebhookEndpoint.endpoint_id EnableWebhookEndpoint.endpoint_id EraseSubject.erased
        EraseSubject.partition_key ExpireAiCall.owner FailAiCall.owner FindOwners.report_id FindSenders.stop_id
        ForgetMessages.erased HearReport.report_id HearStop.stop_id HolderRevoked.holder MarkAddress.report_id
        MoveWebhookCursor.endpoint_id OfEndpoint.endpoint_id OfGeneration.owner OfReport.report_id OfToken.token_id
        OfWebhook.data_subject OfWebhook.endpoint_id OfWebhook.webhook_id RecordAnswer.owner RecordForgotten.erased
        RecordMark.report_id RecordOwners.report_id RecordPdfExport.owner RecordPdfExportFailure.owner
        RecordSenders.stop_id RecordToken.holder RecordToken.key_id RecordToken.token_id ReportMarked.keys
        RegisterWebhookEndpoint.endpoint_id RequestGeneration.owner RequestMessage.counted_to RetryGeneration.caller
        RetryGeneration.owner RevokeHolder.holder RevokeToken.token_id SendersFound.stop_id StartAiCall.owner
        StartGeneration.owner StopHeard.stop_id SubjectErased.erased TokenIssued.holder TokenIssued.key_id
        _OfAiCall.owner _OfExport.owner _OfWebhook.data_subject _OfWebhook.endpoint_id _OfWebhook.webhook_id
        ProbePartition.partition_key""",
    "a hash that only this installation can make": """
        ConfigureWebhookEndpoint.fingerprint Decided.fingerprint FindOwners.mark FindSenders.mark HearReport.mark
        HearStop.mark RegisterWebhookEndpoint.fingerprint ReportHeard.mark ReportMarked.mark StopHeard.mark
        WebhookEndpointConfigured.fingerprint""",
    "a name of our own: a context, a type, a template, a rule's reason, a keyword, a field": """
        Completion.context Completion.step ConsentGranted.keyword Decided.code Decided.command Decision.reason
        DeliverWebhook.event_type InboundSmsReceived.keyword MessageBlocked.reason MessageDispatched.template
        Preferences.chosen Problem.type QueueWebhook.event_type RegisterWebhookEndpoint.types SendMessage.template
        WebhookEndpointRegistered.types _WithBody.event_type""",
    "the steps of a decision: verdicts, versions of events, amounts and times, no text from outside": """
        Decision.trail""",
    "a time zone, checked against the list of IANA": """
        PreferenceChanges.time_zone Preferences.time_zone""",
    "a caller's name for a group of people, of 100 characters at most: no words about one person": """
        PreferenceChanges.user_segment Preferences.user_segment""",
    "a provider's name, or its id of a message": """
        Attempt.provider Attempt.provider_id CallAnswered.provider GenerationStepCompleted.provider_id
        MessageDelivered.provider MessageDelivered.provider_id MessageRejected.provider MessageRetried.provider
        MessageSent.provider MessageSent.provider_id MessageUnconfirmed.provider MessageUndelivered.provider
        MessageUndelivered.provider_id ReceiptNoted.provider ReceiptNoted.provider_id ReceiptUnmatched.provider
        ReceiptUnmatched.provider_id RecordReceipt.provider RecordReceipt.provider_id RecordUnmatchedReceipt.provider
        RecordUnmatchedReceipt.provider_id VerificationCodeSent.provider VerificationCodeSent.provider_id""",
    "a code of a provider's list, or of ours": """
        AiReplyCompleted.stop_reason AiReplyFailed.code AiStreamCompleted.stop_reason AiStreamFailed.code Attempt.code
        CompleteAiCall.stop_reason FailAiCall.code GenerationFailed.cause GenerationStepDeferred.code
        GenerationStepFailed.code MessageRejected.code MessageRetried.code MessageUndelivered.code PdfExportFailed.code
        RecordCodeReceipt.code RecordPdfExportFailure.code RecordReceipt.code VerificationCodeFailed.code
        WebhookAttemptFailed.code WebhookFailed.code WebhookPutOff.code""",
    "a provider's documented word for a kind of report": """
        ReceiptNoted.kind ReceiptUnmatched.word ReceiveSms.verdict RecordReceipt.word RecordUnmatchedReceipt.word""",
    "a model's name, from the settings' list": """
        Completion.model GenerationQueued.model GenerationRetried.model GenerationStepStarted.model
        RequestGeneration.model RetryGeneration.model StartAiCall.model Usage.model _Started.model""",
    "an operator's endpoint, which is about nobody": """
        ConfigureWebhookEndpoint.origin DisableWebhookEndpoint.reason RegisterWebhookEndpoint.origin
        RegisterWebhookEndpoint.url WebhookEndpointConfigured.origin WebhookEndpointDisabled.reason
        WebhookEndpointRegistered.url""",
    "an operator's words for a token: scopes, limits and tiers of ours, a client's id": """
        RecordToken.limits RecordToken.scopes RecordToken.tenant RecordToken.tier TokenIssued.limits TokenIssued.scopes
        TokenIssued.tenant TokenIssued.tier""",
    "our own words about a receiver, whose answer is not read": """
        WebhookAttemptFailed.reason WebhookFailed.reason WebhookPutOff.reason""",
    "our own words for a call without an answer, or for a refusal": """
        Doubt.reason Problem.details Problem.sentence""",
    "what a performer of ours answers: marks and ids": """
        Attempt.output""",
    "apart, as a remark, in every reply about a person (the test below)": """
        Attempt.reason""",
    "a command that holds no personal value; one that does is sealed as a whole": """
        Decided.body""",
}
"""Texts of the engine, of what contexts share, and of communication and gccp."""

CONTENT_GENERATOR: Mapping[str, str] = {
    "an id: ours, a client's, a provider's, or that of who acted": """
        AnnouncementBroadcast.announcement_id AnnouncementMade.announcement_id AnnouncementMade.made_by
        AnnouncementMade.sessions AnnouncementMade.tenant AudienceFailed.transport AudiencePageRequested.cursor
        AudienceResolved.transport BroadcastAnnouncement.announcement_id CampaignCancelled.cancelled_by
        CampaignRequested.root CancelCampaign.campaign_id CancelCampaign.cancelled_by CancelCampaign.tenant
        CancelSyncJob.cancelled_by CancelSyncJob.root CancelSyncJob.tenant ChannelResult.content_id
        ChannelResult.job_id ChannelResult.post_id CloseConnection.connection_id ComposeContent.document
        ComposeContent.id ConnectionClosed.connection_id ConnectionOpened.connection_id ConnectionOpened.node
        SessionEnded.connections
        CountAudience.campaign_id DocumentFetchRequested.document_id DocumentFetchRequested.tenant
        DocumentFetched.digest DocumentFetched.source_version FetchDocument.document_id FindPost.post_id
        FindPost.root GenerateSummary.content_id GenerateSummary.correlation_id GenerateSummary.requested_by
        GenerateSummary.root GenerateSummary.tenant GenerationDocumentRead.document GenerationRequested.document
        GenerationRequested.document_id JoinSession.connection_id JoinSession.node LookForPost.post_id
        MakeAnnouncement.announcement_id MakeAnnouncement.made_by MakeAnnouncement.sessions
        MakeAnnouncement.tenant MetricsRequested.provider_id OfCampaign.campaign_id OfCampaign.tenant
        OfDocument.document OfGeneration.generation_id OfGeneration.tenant OfJob.root OfJob.tenant
        OfParticipation.session OfParticipation.session_id OfParticipation.tenant OfPost.post_id OfPost.root
        OfPost.tenant OfPublication.content_id OfPublication.tenant OfSession.session OfSession.session_id
        OfSession.tenant OfSummary.content_id OfSummary.tenant PostPublished.provider_id
        PostResolved.resolved_by PublicationFailed.root PublicationPublished.provider_id
        PublicationPublished.root PublicationRequested.root PublicationUnconfirmed.root Publish.content_id
        Publish.root PublishDraft.content_id PublishDraft.tenant PublishPost.post_id PublishPost.root
        PublishScheduled.content_id ReadDocument.generation_id ReadJobDocument.root ReadMetrics.content_id
        ReadMetrics.provider_id ReadReports.campaign_id ReadReports.cursor RecipientUnsubscribed.campaign_id
        RecordAudienceCount.campaign_id RecordAudiencePage.campaign_id RecordAudiencePage.transport
        RecordBatch.campaign_id RecordChannel.root RecordContent.generation_id RecordFetch.document
        RecordJobContent.root RecordLook.post_id RecordMetrics.content_id RecordPost.post_id
        RecordPublication.content_id RecordReport.campaign_id RecordReport.report_id RecordReports.campaign_id
        Report.report_id ReportsRead.cursor ReportsRequested.cursor RequestCampaign.campaign_id
        RequestCampaign.root RequestCampaign.tenant RequestFetch.document RequestFetch.document_id
        RequestFetch.tenant RequestGeneration.document RequestGeneration.document_id
        RequestGeneration.generation_id RequestGeneration.tenant RequestMetrics.content_id RequestPost.post_id
        RequestPost.root RequestPost.tenant RequestPublication.content_id RequestPublication.root
        RequestPublication.tenant RequestReports.campaign_id RequestSyncJob.correlation_id
        RequestSyncJob.document RequestSyncJob.document_id RequestSyncJob.requested_by RequestSyncJob.root
        RequestSyncJob.tenant ResolveAudience.campaign_id ResolveAudience.cursor ResolvePost.post_id
        ResolvePost.resolved_by ResolvePost.tenant RetryCampaign.campaign_id RetryCampaign.tenant
        RetrySyncJob.correlation_id RetrySyncJob.requested_by RetrySyncJob.root RetrySyncJob.tenant
        SendBatch.campaign_id SendBatch.root SendingStarted.root SessionEnded.present SessionFacts.session_id
        StartCampaign.campaign_id StartSending.campaign_id StartSyncJob.root SummaryPublished.correlation_id
        SummaryPublished.requested_by SummaryPublished.root SummaryPublished.session_id
        SyncJobCancelled.cancelled_by SyncJobContentGenerated.document SyncJobDocumentRead.document
        SyncJobRequested.correlation_id SyncJobRequested.document SyncJobRequested.document_id
        SyncJobRequested.requested_by SyncJobRetried.correlation_id SyncJobRetried.document_id
        SyncJobRetried.requested_by SyncJobStarted.document SyncJobStarted.document_id Unsubscribe.campaign_id
        Waiter.key _OfBatch.root _Over.root _Reported.campaign_id _Reported.report_id _RunOver.document_id""",
    "a hash that only this installation can make": """
        ConnectionClosed.mark ConnectionOpened.mark DescribeSession.mark JoinSession.mark OfParticipation.mark
        ParticipantJoined.mark ParticipantLeft.mark RecipientAddressed.mark RecordReport.mark Report.mark
        Resubscribe.mark SessionDescribed.mark Unsubscribe.mark _OfRecipient.mark""",
    "a name of a short list of ours or of a provider": """
        AnnouncementBroadcast.type ChannelResult.status RecipientResubscribed.source Report.kind
        Resubscribe.source Waiter.kind Words.type""",
    "a code of a provider's list, or of ours": """
        AudienceFailed.code BatchFailed.code CampaignFailed.code ChannelError.code DocumentFetchFailed.code
        GenerationFailed.code PostFailed.code PublicationFailed.code ReadDocument.code ReadJobDocument.code
        RecordChannel.code""",
    "the address of what is published, or of a link in it": """
        ChannelResult.url PostPublished.url PostResolved.url PublicationPublished.url RecipientLinkClicked.url
        RecordReport.url Report.url ResolvePost.url Span.link""",
    "what a client writes, or has written, for many to read; about no person under whose id it is recorded": """
        AnnouncementBroadcast.action_url AnnouncementBroadcast.message AnnouncementBroadcast.title
        AudiencePageRequested.segment AudiencePageRequested.tags CampaignRequested.html
        CampaignRequested.segment CampaignRequested.subject_line CampaignRequested.tags CampaignRequested.text
        ChangeTechnique.instruction ChangeTechnique.title ComposeContent.custom_data ComposeContent.summary
        CountAudience.segment CountAudience.tags DescribeSession.title Document.title GenerateSummary.content
        GenerationContentGenerated.content GenerationDocumentRead.custom_data GenerationRequested.custom_data
        MilestoneReached.achievement MilestoneReached.message Page.author Page.content Page.tags Page.title
        PageMetadata.keywords PageMetadata.meta_description PageMetadata.og_image PageMetadata.og_title
        ReachMilestone.achievement ReachMilestone.message RequestCampaign.html RequestCampaign.segment
        RequestCampaign.subject_line RequestCampaign.tags RequestCampaign.text RequestGeneration.custom_data
        RequestSyncJob.summary ResolveAudience.segment ResolveAudience.tags SessionDescribed.title
        SessionFacts.breathing_techniques SessionFacts.content SessionFacts.instructor_name
        SessionFacts.key_achievements SessionFacts.session_type SessionFacts.title Span.text
        SummaryGenerated.content SyncJobContentGenerated.content SyncJobDocumentRead.summary
        SyncJobRequested.summary SyncJobStarted.summary TechniqueChanged.instruction TechniqueChanged.title
        Words.action_url Words.message Words.title""",
    "a provider's words about a document, a page, a post or a whole audience: about no single person": """
        AudienceFailed.reason BatchFailed.reason BatchUnconfirmed.reason CampaignFailed.reason
        ChannelError.message DocumentFetchFailed.reason GenerationFailed.reason PostFailed.reason
        PostUnanswered.reason PostUnconfirmed.reason PublicationFailed.reason PublicationUnconfirmed.reason
        ReadDocument.reason ReadJobDocument.reason RecordChannel.reason""",
}
"""Texts of content-generator alone. Its messages about a person name them by a mark."""

CREATOR_HUB: Mapping[str, str] = {
    "an id: ours, a client's, a provider's, or that of who acted": """
        Advance.channel_id AllowanceSpent.reply_id AnswerMember.channel_id AnswerMember.creator_id
        AnswerMember.knowledge_base_ids AnswerMember.reply_id AnswerMember.user_id Awaiting.flow_id
        Awaiting.program_id BadgeEarned.badge_id BadgeEarned.program_id BuildExport.creator_id BuildExport.export_id
        BuildExport.requested_by Cause.flow_id Cause.program_id Cause.reply_id Cause.rule_id Cause.trigger_id
        ChannelCreated.vault ChannelUpdated.replaced ChannelUpdated.vault Citation.chunk_id Citation.document_id
        Completed.passed CreateChannel.vault CreateKnowledgeBase.creator_id CreateKnowledgeBase.knowledge_base_id
        CreateRule.creator_id CreateRule.rule_id DocumentDeleted.objects DocumentUploaded.object_id Due.channel_id
        Due.user_id EmbedChunks.creator_id EmbedChunks.document_id EmbedChunks.plan_object EmbedChunks.text_object
        Enrolled.flow_id Escalated.message_id ExportEmailed.provider_id ExportFile.object_id ExtractText.creator_id
        ExtractText.document_id ExtractText.object_id FindChatSender.account FindChatSender.vault
        FindInactive.creator_id FindInactive.cursor FindInactive.rule_id FlowPinned.flow_id
        KnowledgeBaseCreated.knowledge_base_id LearnNumber.phone_number_id MailExport.creator_id
        MailExport.export_id MailExport.files MailExport.requested_by MemberRegistered.channel_id
        MemberRegistered.programs MembersFound.cursor MessageFailed.vault MessageReceived.channel_id
        MessageReceived.message_id MessageReceived.provider_id NoteRefresh.creator_id NoteRefresh.token_id
        NumberLearnt.phone_number_id OfChannel.channel_id OfChannel.creator_id OfCreator.creator_id
        OfDocument.creator_id OfDocument.document_id OfDocument.knowledge_base_id OfEnrollment.creator_id
        OfEnrollment.enrollment_id OfEnrollment.program_id OfEnrollment.user_id OfExport.export_id
        OfExport.requested_by OfMember.creator_id OfMember.user_id OfMessage.channel_id OfMessage.creator_id
        OfMessage.message_id OfMessage.user_id OfProgram.creator_id OfProgram.program_id OfRule.rule_id
        OfStep.flow_id OfStep.node OfTrigger.rule_id OfTrigger.trigger_id OptedIn.message_id OptedOut.message_id
        PartSent.provider_id Plan.plan_object Plan.text_object ProcessingStarted.object_id ProgramPublished.flow_id
        PublishProgram.flow_id ReceiveMessage.channel_id ReceiveMessage.message_id ReceiveMessage.provider_id
        RecordBatch.creator_id RecordBatch.document_id RecordBatch.knowledge_base_id RecordBuilt.creator_id
        RecordBuilt.export_id RecordBuilt.requested_by RecordExtraction.creator_id RecordExtraction.document_id
        RecordExtraction.knowledge_base_id RecordFound.creator_id RecordFound.rule_id RecordMailed.creator_id
        RecordMailed.export_id RecordMailed.requested_by RecordNumber.channel_id RecordNumber.creator_id
        RecordReply.channel_id RecordReply.creator_id RecordReply.reply_id RecordReply.user_id RecordSend.creator_id
        RecordSend.message_id RecordSend.user_id RecordWebhookSet.channel_id RecordWebhookSet.creator_id
        RecordWebhookSet.vault RefuseCredentials.vault ReplyCause.flow_id ReplyCause.message_ids
        ReplyCause.program_id ReplyComposed.message_id ReplyComposed.reply_id ReplyDiscarded.reply_id
        ReplyRequested.channel_id ReplyRequested.knowledge_base_ids ReplyRequested.reply_id ReplySkipped.reply_id
        RequestExport.creator_id RequestExport.export_id RequestExport.requested_by RuleTriggered.channel_id
        SendToMember.channel_id SendToMember.creator_id SendToMember.message_id SendToMember.user_id
        SessionRefreshed.token_id SetWebhook.channel_id SetWebhook.creator_id SetWebhook.vault
        StepAwaiting.channel_id StepAwaiting.flow_id StepBegun.flow_id StepBegun.message_id StepDelivered.enrolls
        StepHeld.channel_id StepHeld.flow_id StepScheduled.channel_id StepScheduled.flow_id StepScheduled.passed
        Sweep.creator_id Sweep.rule_id TakeAction.channel_id TakeAction.rule_id TakeAction.trigger_id
        TriggerRule.channel_id TriggerRule.rule_id UpdateChannel.vault UploadDocument.object_id
        WindowClosed.channel_id""",
    "a hash of a file or a passage, which only whoever has it can make": """
        Citation.hash DocumentUploaded.sha256 ExportFile.sha256 UploadDocument.sha256""",
    "a name of a short list of ours or of a provider": """
        Chunking.embedding_model ChunksEmbedded.embedding_model ChunksEmbedded.model CreateRule.applies_to
        DocumentExtracted.embedding_model DocumentUploaded.file_type EmbedChunks.embedding_model
        ExportFile.file_name ExtractText.file_type FindInactive.applies_to MembersFound.applies_to
        MessageReceived.content Plan.splitter ProcessingStarted.file_type ReceiveMessage.content ReplyComposed.model
        ReplyComposed.prompt_version ReplyDiscarded.model RuleCreated.applies_to StepScheduled.kind
        SweepStarted.applies_to UploadDocument.file_type""",
    "a code of a list of ours or of a provider": """
        ActionSkipped.reason ChannelDeactivated.code DocumentFailed.code DocumentPutOff.code EmailFailed.code
        ExportFailed.code MessageFailed.code MessagePutOff.code RecordStep.code RuleSkipped.reason StepFailed.code
        StepHeld.reason StepSkipped.reason""",
    "a time zone or a language, checked against its list": """
        MemberRegistered.language ProfileUpdated.language ProfileUpdated.time_zone ReceiveMessage.language
        StepScheduled.time_zone Template.language UpdateProfile.language UpdateProfile.time_zone""",
    "what a creator writes for many members, and the channel's own settings without its credentials": """
        BadgeEarned.badge_name ChannelCreated.channel_name ChannelCreated.configuration ChannelCreated.credentials
        ChannelUpdated.channel_name ChannelUpdated.configuration ChannelUpdated.credentials Completed.program_name
        CreateChannel.channel_name CreateChannel.configuration CreateChannel.credentials
        CreateKnowledgeBase.description CreateKnowledgeBase.knowledge_base_name CreateKnowledgeBase.settings
        CreateProgram.description CreateProgram.flow_definition CreateProgram.program_name CreateProgram.settings
        CreateRule.actions CreateRule.description CreateRule.rule_name CreateRule.status_reason
        CreateRule.trigger_conditions Enrolled.program_name FindChatSender.number FlowPinned.edges FlowPinned.nodes
        KnowledgeBaseCreated.description KnowledgeBaseCreated.knowledge_base_name KnowledgeBaseCreated.settings
        ProgramCreated.description ProgramCreated.flow_definition ProgramCreated.program_name
        ProgramCreated.settings ProgramUpdated.description ProgramUpdated.flow_definition
        ProgramUpdated.program_name ProgramUpdated.settings RuleCreated.actions RuleCreated.description
        RuleCreated.rule_name RuleCreated.status_reason RuleCreated.trigger_conditions Template.name
        UpdateChannel.channel_name UpdateChannel.credentials UpdateChannel.patch UpdateProgram.description
        UpdateProgram.flow_definition UpdateProgram.program_name UpdateProgram.settings""",
}
"""Texts of creator-hub alone. What members and documents say is sealed."""

OF_CONTEXT: Mapping[str, Mapping[str, str]] = {"content_generator": CONTENT_GENERATOR, "creator_hub": CREATOR_HUB}
"""The texts that one context has in clear beside those."""
