"""The document's examples, by the name of their schema. What the document elides is filled in."""

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
    "ReadyAnswer": {
        "ready": True,
        "dependencies": {"crm": "connected", "platform": "connected", "document_sources": "ready"},
    },
    "GenerateAnswer": {
        "status": "success",
        "generated": {
            "email": {"subject": "Newsletter Subject", "html": "<html>...</html>", "text": "Plain text version..."},
            "web": {
                "title": "Update Title",
                "html": "<article>...</article>",
                "tags": ["tag1", "tag2"],
                "seo_metadata": {
                    "meta_description": "Description...",
                    "keywords": ["tag1", "tag2"],
                    "og_title": "Update Title",
                },
            },
            "social": [{"platform": "twitter", "content": "Tweet text...", "hashtags": ["#tag1", "#tag2"]}],
        },
    },
    "FetchAnswer": {
        "status": "success",
        "content": {
            "breathscape": [
                {
                    "title": "Section Title",
                    "content": "Content text...",
                    "tags": ["tag1"],
                    "date": "2024-01-15T00:00:00Z",
                }
            ],
            "hardware": [],
            "tips": [],
            "company_vision": [],
        },
    },
    "JobsAnswer": {
        "jobs": [
            {
                "job_id": "sync-job-123",
                "status": "completed",
                "created_at": "2024-01-15T10:30:00Z",
                "channels": ["email", "website"],
            }
        ],
        "total": 50,
        "page": 1,
        "limit": 10,
    },
    "MetricsAnswer": {
        "total_jobs": 1000,
        "active_jobs": 5,
        "status_breakdown": {"completed": 900, "failed": 50, "partial": 30, "pending": 20},
        "channel_breakdown": {"email": 800, "website": 750, "twitter": 400, "linkedin": 300, "facebook": 250},
        "success_rate": 90.0,
        "average_processing_time_seconds": 45,
        "last_sync_times": {"gdocs:main-doc": "2024-01-15T09:00:00Z"},
    },
    "PageMetricsAnswer": {
        "content_id": "content-123",
        "views": 1500,
        "unique_views": 1200,
        "engagement_rate": 5.5,
        "average_time_seconds": 45,
        "shares": 25,
        "comments": 10,
    },
    "CampaignAnswer": {
        "campaign_id": "campaign-123",
        "total_sent": 500,
        "total_delivered": 495,
        "total_opened": 200,
        "unique_opens": 150,
        "total_clicked": 50,
        "unique_clicks": 40,
        "open_rate": 30.3,
        "click_rate": 8.1,
        "unsubscribe_rate": 0.5,
        "popular_links": [{"url": "https://example.com", "clicks": 25}],
    },
    "RecipientAnswer": {
        "email": "user@example.com",
        "campaigns_received": 20,
        "campaigns_opened": 15,
        "campaigns_clicked": 8,
        "engagement_score": 75.5,
        "status": "active",
        "last_open": "2024-01-14T10:00:00Z",
        "last_click": "2024-01-14T10:05:00Z",
    },
    "SummaryAnswer": {
        "status": "preview",
        "content_id": "uuid-here",
        "preview_urls": {"session": "/sessions/session-2024-03-21-001"},
        "newsletter": {
            "subject": "Session Summary: Morning Breathing Session",
            "html": "<html>...</html>",
            "text": "Plain text version...",
        },
        "web_update": {
            "title": "Morning Breathing Session",
            "content": "<article>...</article>",
            "slug": "session-2024-03-21-001-summary",
            "seo_description": "Session with 25 participants achieving 12.5% HRV improvement",
        },
        "social_posts": {
            "twitter": {
                "content": "Just completed an amazing Morning Breathing Session! ...",
                "hashtags": ["#breathwork", "#mindfulness"],
            },
            "linkedin": {
                "content": "Professional update about the session...",
                "hashtags": ["#wellness", "#corporate"],
            },
            "facebook": {"content": "Community-focused session update...", "hashtags": ["#health", "#community"]},
        },
    },
    "SessionContent": {
        "session_id": "morning-001",
        "active": True,
        "session_info": {
            "title": "Morning Breathing Session",
            "instructor": "Sarah Chen",
            "participant_count": 25,
            "participants": [{"id": "user-001", "name": "John D.", "joined_at": "2024-03-21T10:00:00Z"}],
            "started_at": "2024-03-21T10:00:00Z",
            "techniques_used": ["Box Breathing", "4-7-8 Breathing"],
        },
        "metrics": {"average_hrv": 12.5, "completion_rate": 0.95, "quality_score": 4.5, "engagement_rate": 0.92},
        "replay": {
            "message_count": 42,
            "messages": [
                {
                    "timestamp": "2024-03-21T10:00:00Z",
                    "type": "session_started",
                    "content": {"title": "Morning Breathing Session", "instructor": "Sarah Chen"},
                }
            ],
        },
    },
    "LiveSessions": {
        "count": 2,
        "sessions": [
            {
                "session_id": "morning-001",
                "title": "Morning Breathing Session",
                "instructor": "Sarah Chen",
                "participant_count": 25,
                "active": True,
                "started_at": "2024-03-21T10:00:00Z",
                "metrics": {"current_hrv_improvement": 8.5},
            },
            {
                "session_id": "afternoon-001",
                "title": "Afternoon Relaxation",
                "instructor": "Mike Johnson",
                "participant_count": 18,
                "active": True,
                "started_at": "2024-03-21T14:00:00Z",
                "metrics": {"current_hrv_improvement": 6.2},
            },
        ],
    },
}
