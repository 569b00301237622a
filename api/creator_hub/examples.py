"""The document's examples, by the name of their schema; the last of a name where the document has several."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "RefreshBody": {"refresh_token": "string"},
    "SessionAnswer": {"access_token": "string", "token_type": "bearer", "expires_in": 900},
    "UploadedDocument": {
        "id": "uuid",
        "title": "string",
        "file_type": "string",
        "file_size_bytes": 1024,
        "processing_status": "pending",
        "created_at": "2024-01-01T00:00:00Z",
    },
    "DocumentsAnswer": {
        "documents": [
            {
                "id": "uuid",
                "title": "string",
                "file_type": "string",
                "file_size_bytes": 1024,
                "processing_status": "completed",
                "created_at": "2024-01-01T00:00:00Z",
                "chunk_count": 15,
            }
        ],
        "pagination": {"page": 1, "limit": 20, "total": 100, "pages": 5},
    },
    "DocumentDetails": {
        "id": "uuid",
        "title": "string",
        "content": "string",
        "file_type": "string",
        "file_size_bytes": 1024,
        "processing_status": "completed",
        "metadata": {},
        "created_at": "2024-01-01T00:00:00Z",
        "processed_at": "2024-01-01T00:05:00Z",
        "chunk_count": 15,
        "chunks": [{"id": "uuid", "chunk_index": 0, "content": "string", "metadata": {}}],
    },
    "DocumentChanges": {"title": "string", "metadata": {}},
    "DocumentAnswer": {
        "id": "uuid",
        "title": "string",
        "file_type": "string",
        "file_size_bytes": 1024,
        "processing_status": "completed",
        "metadata": {},
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "chunk_count": 15,
    },
    "DeletedDocument": {"message": "Document deleted successfully"},
    "KnowledgeBaseBody": {
        "name": "string",
        "description": "string",
        "settings": {"chunk_size": 1000, "chunk_overlap": 200, "embedding_model": "nomic-embed-text"},
    },
    "KnowledgeBaseAnswer": {
        "id": "uuid",
        "name": "string",
        "description": "string",
        "settings": {},
        "created_at": "2024-01-01T00:00:00Z",
        "document_count": 0,
        "total_size_bytes": 0,
    },
    "ProgramBody": {
        "name": "string",
        "description": "string",
        "flow_definition": {
            "nodes": [
                {"id": "start", "type": "start", "position": {"x": 0, "y": 0}, "data": {}},
                {
                    "id": "message_1",
                    "type": "send_message",
                    "position": {"x": 200, "y": 0},
                    "data": {"message": "Welcome to the program!", "delay_hours": 0},
                },
            ],
            "edges": [{"id": "e1", "source": "start", "target": "message_1"}],
        },
        "settings": {"auto_enroll": False, "completion_badge": "uuid"},
    },
    "CreatedProgram": {
        "id": "uuid",
        "name": "string",
        "description": "string",
        "flow_definition": {},
        "status": "draft",
        "version": 1,
        "settings": {},
        "created_at": "2024-01-01T00:00:00Z",
        "enrollment_count": 0,
    },
    "ProgramsAnswer": {
        "programs": [
            {
                "id": "uuid",
                "name": "string",
                "description": "string",
                "status": "published",
                "version": 1,
                "created_at": "2024-01-01T00:00:00Z",
                "updated_at": "2024-01-01T00:00:00Z",
                "enrollment_count": 25,
                "completion_rate": 0.8,
            }
        ],
        "pagination": {"page": 1, "limit": 20, "total": 10, "pages": 1},
    },
    "ProgramDetails": {
        "id": "uuid",
        "name": "string",
        "description": "string",
        "flow_definition": {"nodes": [], "edges": []},
        "status": "published",
        "version": 1,
        "settings": {},
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "published_at": "2024-01-01T01:00:00Z",
        "enrollment_count": 25,
        "completion_rate": 0.8,
        "analytics": {
            "total_enrollments": 25,
            "active_enrollments": 20,
            "completed_enrollments": 20,
            "average_completion_time_days": 14,
            "engagement_score": 0.85,
        },
    },
    "ProgramChanges": {"name": "string", "description": "string", "flow_definition": {}, "settings": {}},
    "ProgramAnswer": {
        "id": "uuid",
        "name": "string",
        "description": "string",
        "flow_definition": {},
        "status": "draft",
        "version": 1,
        "settings": {},
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "published_at": None,
        "enrollment_count": 0,
    },
    "PublishedProgram": {"id": "uuid", "status": "published", "published_at": "2024-01-01T00:00:00Z", "version": 2},
    "ArchivedProgram": {"id": "uuid", "status": "archived", "archived_at": "2024-01-01T00:00:00Z", "version": 2},
    "UsersAnswer": {
        "users": [
            {
                "id": "uuid",
                "external_id": "string",
                "channel": "web",
                "profile_data": {"name": "John Doe", "goals": ["lose weight", "build habits"]},
                "created_at": "2024-01-01T00:00:00Z",
                "last_active_at": "2024-01-02T00:00:00Z",
                "is_active": True,
                "engagement_score": 0.75,
                "program_enrollments": 2,
                "total_interactions": 45,
            }
        ],
        "pagination": {"page": 1, "limit": 20, "total": 150, "pages": 8},
    },
    "UserDetails": {
        "id": "uuid",
        "external_id": "string",
        "channel": "web",
        "profile_data": {
            "name": "John Doe",
            "goals": ["lose weight", "build habits"],
            "preferences": {"communication_style": "encouraging", "frequency": "daily"},
        },
        "created_at": "2024-01-01T00:00:00Z",
        "last_active_at": "2024-01-02T00:00:00Z",
        "is_active": True,
        "timezone": "America/New_York",
        "language": "en",
        "engagement_score": 0.75,
        "program_enrollments": [
            {
                "program_id": "uuid",
                "program_name": "Weight Loss Journey",
                "status": "active",
                "progress": 0.6,
                "enrolled_at": "2024-01-01T00:00:00Z",
            }
        ],
        "recent_interactions": [
            {"id": "uuid", "interaction_type": "message_sent", "created_at": "2024-01-02T00:00:00Z", "channel": "web"}
        ],
        "badges_earned": [
            {"badge_id": "uuid", "badge_name": "First Week Complete", "earned_at": "2024-01-07T00:00:00Z"}
        ],
    },
    "ProfileBody": {
        "profile_data": {
            "name": "John Doe",
            "goals": ["lose weight", "build habits"],
            "preferences": {"communication_style": "encouraging", "frequency": "daily"},
        },
        "timezone": "America/New_York",
        "language": "en",
    },
    "EnrollmentAnswer": {
        "enrollment_id": "uuid",
        "program_id": "uuid",
        "user_id": "uuid",
        "status": "active",
        "enrolled_at": "2024-01-01T00:00:00Z",
    },
    "ChannelsAnswer": {
        "channels": [
            {
                "id": "uuid",
                "channel_type": "web",
                "channel_name": "Website Widget",
                "status": "active",
                "configuration": {"widget_color": "#007bff", "welcome_message": "Hello! How can I help you today?"},
                "created_at": "2024-01-01T00:00:00Z",
                "user_count": 50,
                "last_activity_at": "2024-01-02T00:00:00Z",
            }
        ]
    },
    "ChannelBody": {
        "channel_type": "whatsapp",
        "channel_name": "WhatsApp Business",
        "configuration": {
            "phone_number": "+1234567890",
            "business_account_id": "string",
            "access_token": "string",
            "webhook_verify_token": "string",
        },
    },
    "ChannelAnswer": {
        "id": "uuid",
        "channel_type": "whatsapp",
        "channel_name": "WhatsApp Business",
        "status": "pending_verification",
        "configuration": {
            "phone_number": "+1234567890",
            "webhook_url": "https://api.platform.com/webhooks/whatsapp/{channel_id}",
        },
        "created_at": "2024-01-01T00:00:00Z",
    },
    "ChannelChanges": {
        "channel_name": "Updated Channel Name",
        "configuration": {
            "widget_color": "#28a745",
            "welcome_message": "Welcome! I'm here to help with your coaching journey.",
        },
    },
    "UpdatedChannel": {
        "id": "uuid",
        "channel_type": "web",
        "channel_name": "Updated Channel Name",
        "status": "active",
        "configuration": {
            "widget_color": "#28a745",
            "welcome_message": "Welcome! I'm here to help with your coaching journey.",
        },
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
    },
    "ChannelAnalyticsAnswer": {
        "channel_id": "uuid",
        "date_range": {"start_date": "2024-01-01", "end_date": "2024-01-31"},
        "metrics": {
            "total_messages": 1250,
            "unique_users": 75,
            "new_users": 25,
            "average_response_time_seconds": 2.5,
            "user_satisfaction_score": 4.2,
            "engagement_rate": 0.68,
        },
        "daily_breakdown": [{"date": "2024-01-01", "messages": 45, "users": 12, "new_users": 3}],
    },
    "OverviewAnswer": {
        "period": "30d",
        "summary": {
            "total_users": 150,
            "new_users": 25,
            "active_users": 120,
            "total_interactions": 2500,
            "ai_interactions": 2000,
            "human_escalations": 50,
            "average_engagement_score": 0.72,
            "program_completions": 18,
        },
        "trends": {"user_growth_rate": 0.15, "engagement_trend": "increasing", "satisfaction_trend": "stable"},
        "top_programs": [
            {"program_id": "uuid", "program_name": "Weight Loss Journey", "enrollments": 45, "completion_rate": 0.8}
        ],
    },
    "DetailedAnswer": {
        "metric": "interactions",
        "date_range": {"start_date": "2024-01-01", "end_date": "2024-01-31"},
        "granularity": "day",
        "data": [{"date": "2024-01-01", "value": 85, "segments": {"web": 45, "whatsapp": 25, "telegram": 15}}],
        "totals": {"total_value": 2500, "average_daily": 80.6, "peak_value": 125, "peak_date": "2024-01-15"},
    },
    "ExportBody": {
        "metrics": ["users", "interactions", "programs"],
        "start_date": "2024-01-01",
        "end_date": "2024-01-31",
        "format": "csv",
        "email": "creator@example.com",
    },
    "ExportAnswer": {"export_id": "uuid", "status": "processing", "estimated_completion": "2024-01-01T00:05:00Z"},
    "RuleBody": {
        "name": "Inactivity Follow-up",
        "description": "Send follow-up message after 24 hours of inactivity",
        "trigger_conditions": {"type": "inactivity", "threshold_hours": 24, "applies_to": "all_users"},
        "actions": [
            {
                "type": "send_message",
                "message_template": "Hey {user_name}! I noticed you haven't checked in today. How "
                "are you doing with your goals?",
                "delay_minutes": 0,
            }
        ],
        "is_active": True,
    },
    "CreatedRule": {
        "id": "uuid",
        "name": "Inactivity Follow-up",
        "description": "Send follow-up message after 24 hours of inactivity",
        "trigger_conditions": {},
        "actions": [],
        "is_active": True,
        "created_at": "2024-01-01T00:00:00Z",
        "triggered_count": 0,
    },
    "RulesAnswer": {
        "rules": [
            {
                "id": "uuid",
                "name": "Inactivity Follow-up",
                "description": "Send follow-up message after 24 hours of inactivity",
                "is_active": True,
                "created_at": "2024-01-01T00:00:00Z",
                "triggered_count": 25,
                "success_rate": 0.8,
            }
        ]
    },
    "RuleAnalyticsAnswer": {
        "date_range": {"start_date": "2024-01-01", "end_date": "2024-01-31"},
        "summary": {
            "total_triggers": 150,
            "successful_engagements": 120,
            "success_rate": 0.8,
            "average_response_time_hours": 2.5,
        },
        "rule_performance": [
            {
                "rule_id": "uuid",
                "rule_name": "Inactivity Follow-up",
                "triggers": 50,
                "successes": 40,
                "success_rate": 0.8,
            }
        ],
    },
}
