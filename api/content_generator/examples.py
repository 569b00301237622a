"""The document's examples, by the name of their schema."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "HealthAnswer": {
        "status": "healthy",
        "timestamp": "2024-01-15T10:30:00Z",
        "service": "content-generator",
        "version": "0.1.0",
    },
    "GenerateBody": {
        "source": "google_docs",
        "document_id": "document-id-here",
        "channels": ["email", "web", "social"],
        "template": "modern",
        "custom_data": {"key": "value"},
    },
    "FetchBody": {"source": "google_docs", "document_id": "document-id", "parse_strategy": "markdown"},
    "NewsletterBody": {
        "subject": "Newsletter Subject",
        "html_content": "<html>...</html>",
        "text_content": "Plain text...",
        "recipient_filter": {"segment": "active_users", "tags": ["newsletter"]},
        "test_mode": False,
        "schedule_time": "2024-01-20T10:00:00Z",
    },
    "NewsletterAnswer": {
        "status": "success",
        "job_id": "email-job-123",
        "recipients": 500,
        "scheduled": True,
        "scheduled_time": "2024-01-20T10:00:00Z",
    },
    "SyncBody": {
        "document_id": "gdocs:doc-id",
        "channels": ["email", "website", "twitter", "linkedin", "facebook"],
        "schedule_time": "2024-01-20T10:00:00Z",
        "correlation_id": "request-correlation-id",
        "options": {"email_template": "modern", "seo_optimize": True, "test_mode": False},
    },
    "SyncAnswer": {
        "job_id": "sync-job-123",
        "status": "pending",
        "created_at": "2024-01-15T10:30:00Z",
        "scheduled_for": "2024-01-20T10:00:00Z",
        "channels": ["email", "website"],
        "correlation_id": "request-correlation-id",
    },
    "JobAnswer": {
        "job_id": "sync-job-123",
        "status": "completed",
        "created_at": "2024-01-15T10:30:00Z",
        "completed_at": "2024-01-15T10:35:00Z",
        "results": {
            "email": {"status": "sent", "recipients": 500, "job_id": "email-job-456"},
            "website": {"status": "published", "content_id": "content-789", "url": "/updates/content-789"},
        },
        "errors": [],
    },
    "RetryAnswer": {
        "new_job_id": "sync-job-retry-456",
        "status": "pending",
        "original_job_id": "sync-job-123",
        "created_at": "2024-01-15T11:00:00Z",
    },
    "PublishBody": {
        "title": "Content Title",
        "content": "<html>...</html>",
        "category": "updates",
        "tags": ["tag1", "tag2"],
        "author": "Author Name",
        "seo_metadata": {"meta_description": "Description...", "og_image": "https://..."},
        "status": "draft",
        "scheduled_time": "2024-01-20T10:00:00Z",
    },
    "PublishAnswer": {
        "content_id": "content-123",
        "status": "published",
        "url": "/updates/content-123",
        "version": 1,
        "published_at": "2024-01-15T10:30:00Z",
    },
    "AnnounceBody": {
        "announcement": {
            "type": "session_starting",
            "title": "Morning Session Starting Soon!",
            "message": "Join us in 5 minutes for guided breathing",
            "action_url": "/sessions/join/morning-001",
        },
        "session_id": "morning-001",
    },
    "AnnounceAnswer": {
        "status": "announced",
        "sessions_notified": ["morning-001"],
        "participant_count": 25,
        "delivered": True,
    },
    "SummaryBody": {
        "title": "Morning Breathing Session",
        "content": "Deep breathing session for stress relief",
        "session_id": "session-2024-03-21-001",
        "session_duration": 1800,
        "participant_count": 25,
        "breathing_techniques": ["Box Breathing", "4-7-8 Breathing"],
        "average_hrv_improvement": 12.5,
        "key_achievements": ["Perfect synchronization", "100% completion rate"],
        "session_type": "live",
        "instructor_name": "Sarah Chen",
        "session_date": "2024-03-21T10:00:00Z",
        "published": True,
        "channels": ["email", "web", "social"],
        "publish_immediately": False,
    },
}
