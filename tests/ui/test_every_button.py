"""All that can be pressed on a page is pressed by a test, in its success and, where it can fail, in its failure."""

import ast
import csv
import io
import shutil
import zipfile
from pathlib import Path

from streamlit.runtime.scriptrunner_utils.exceptions import StopException

from semsearch.data import datasets
from semsearch.errors import WeightsUnavailable
from semsearch.live.search import LESS, MORE, Example
from semsearch.models import weights
from semsearch.models.catalog import FeatureSpec
from semsearch.store.experiment import Experiment
from tests.ui import pressing
from tests.ui.elements import elements
from tests.ui.search_page import COMPARED, open_app, shown, sides
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.live_page import HERE as WEIGHTS_HERE
from tests.worlds.live_page import browse, components, found, jpeg, missing, picture, ranking, refused, upload, with_map
from tests.worlds.live_page import open_page as open_live
from ui import resources
from ui.live import query_pictures
from ui.pictures import browsing

HERE = Path(__file__).resolve().parent
OURS = "test_every_button.test_"
PAGES, VIEWS, MAPS, LIVE, GUIDE = (f"test_{name}.test_" for name in ("pages", "views", "embeddings", "live", "guide"))
FAILS, FETCH, MOVERS, SHEET = (f"test_{name}.test_" for name in ("failures", "fetching", "movers", "sheet"))
DATA = "test_datasets_page.test_"
WHY = "test_why.test_"
LAB, EXPLORER, ANSWERS = "test_lab.test_", "test_explorer.test_", "test_answers.test_"
CHANNELS = "test_channels_page.test_"
OWN = "test_own.test_"
NO = ""
"""It cannot fail: it changes what is chosen among what is there, and a lie of the browser is settled by ``settle``."""
SETTLED, SETTLED_B = PAGES + "a_hostile_browser_gets_the_first_query", PAGES + "a_hostile_browser_gets_a_settled_b"
BESIDE = OURS + "a_table_or_chart_is_clicked_beside_a_mark"
LIES = LIVE + "a_hostile_browser_marks_and_picks_nothing"
COMPUTING = "test_computing.test_"
SAMPLED = "test_sampled_page.test_"
UNWRITABLE = FAILS + "a_dialog_that_fails_says_so_in_its_own_place"
PRESSED = {
    # the sidebar
    "dataset": (LIVE + "browsing_offers_pictures_of_every_dataset", SETTLED),
    "{}model": (PAGES + "the_address_carries_the_whole_choice_and_restores_it", SETTLED_B),
    "{}layer": (PAGES + "a_link_restores_a_and_b", SETTLED_B),
    "{}pooling": (PAGES + "a_link_restores_a_and_b", SETTLED_B),
    "{}metric": (PAGES + "the_address_carries_the_whole_choice_and_restores_it", SETTLED_B),
    "k": (PAGES + "the_address_carries_the_whole_choice_and_restores_it", NO),
    "compare": (PAGES + "the_switch_opens_a_comparison_and_closes_it_again", NO),
    "swap": (PAGES + "a_and_b_can_be_swapped", NO),
    "{}_{}": (PAGES + "query_layer_and_model_can_be_stepped_through", NO),
    # every page
    "fetch": (FETCH + "the_pictures_are_fetched_and_shown", FETCH + "a_server_that_cannot_be_reached_is_said_plainly"),
    "start_again": (FAILS + "whatever_fails_is_one_sentence_with_a_way_back", FAILS + "what_still_fails_is_said_again"),
    # what has no results or maps yet
    "job_begin": (
        COMPUTING + "results_of_another_model_are_computed_and_shown_like_the_rest",
        COMPUTING + "what_cannot_be_begun_says_why",
    ),
    "job_cancel": (
        COMPUTING + "a_job_of_the_command_line_is_seen_with_its_progress_and_cancelled_here",
        COMPUTING + "what_cannot_be_begun_says_why",
    ),
    "job_pause": (
        COMPUTING + "a_paused_job_is_resumed_here_and_a_lost_one_begun_again",
        COMPUTING + "only_who_began_a_job_and_the_keepers_of_datasets_end_it",
    ),
    "job_resume": (
        COMPUTING + "a_paused_job_is_resumed_here_and_a_lost_one_begun_again",
        COMPUTING + "what_cannot_be_begun_says_why",
    ),
    "back_{}": (COMPUTING + "the_published_pooling_of_a_quick_unit_is_offered", NO),
    # Search
    "view": (
        PAGES + "the_view_is_in_the_link_and_restored_by_it",
        PAGES + "a_filter_or_view_that_is_not_there_is_left",
    ),
    "sampled_live": (SAMPLED + "a_picture_outside_of_the_sample_has_ways_on", NO),
    "sampled_near": (SAMPLED + "the_nearest_picture_of_the_sample_is_one_press_away", NO),
    "search_{}": (PAGES + "previous_and_next_go_round", NO),
    "search_browse": (PAGES + "browsing_shows_all_pictures_and_those_of_one_class", UNWRITABLE),
    "dialog ui.search.panels.browse": (PAGES + "browsing_shows_all_pictures_and_those_of_one_class", UNWRITABLE),
    "search_browse_class": (PAGES + "browsing_shows_all_pictures_and_those_of_one_class", NO),
    "{}_alike": (SHEET + "pictures_are_browsed_in_order_of_likeness", SHEET + "without_a_map_no_order_is_offered"),
    "search_pictures": (OURS + "a_picture_of_the_dialog_becomes_the_query", SETTLED),
    "search_matches": (OURS + "a_match_becomes_the_query", OURS + "a_match_whose_picture_has_gone_becomes_the_query"),
    "filter": (PAGES + "the_classes_chosen_are_shown_and_no_others", NO),
    "classes": (PAGES + "the_classes_chosen_are_shown_and_no_others", PAGES + "a_filter_or_view_that_is_not_there_is"),
    "least": (PAGES + "matches_less_alike_than_asked_for_are_hidden", PAGES + "a_filter_or_view_that_is_not_there_is"),
    "fold": (PAGES + "near_duplicates_can_be_folded", NO),
    "show_all": (PAGES + "the_classes_chosen_are_shown_and_no_others", NO),
    "export": (OURS + "the_matches_on_screen_are_downloaded", NO),
    "export_csv": (OURS + "the_matches_on_screen_are_downloaded", NO),
    "depth": (OURS + "a_layer_is_looked_at_by_the_slider", OURS + "a_layer_that_is_not_there_is_left"),
    "best": (OURS + "a_view_of_the_best_is_chosen", NO),
    "cells": (OURS + "the_rank_of_an_expected_picture_is_shown_everywhere", NO),
    "expected": (OURS + "the_rank_of_an_expected_picture_is_shown_everywhere", OURS + "a_lie_about_the_expected"),
    "expected_browse": (OURS + "an_expected_picture_is_chosen_out_of_all", OURS + "a_lie_about_the_expected"),
    "preview": (OURS + "a_click_shows_the_matches_where_it_is_made", SETTLED),
    "open_matches": (OURS + "a_row_is_looked_at_opened_and_used_as_a_or_b", NO),
    "use_{}": (OURS + "a_row_is_looked_at_opened_and_used_as_a_or_b", NO),
    "everywhere": (OURS + "a_cell_of_the_heat_map_leads_to_its_configuration", BESIDE),
    "everywhere_table": (OURS + "a_cell_of_the_table_leads_to_its_configuration", BESIDE),
    "part": (OURS + "a_part_of_the_dataset_is_chosen", NO),
    "models": (VIEWS + "filters_keep_what_they_say", NO),
    "poolings": (VIEWS + "filters_keep_what_they_say", NO),
    "metrics": (VIEWS + "filters_keep_what_they_say", NO),
    "last": (VIEWS + "filters_keep_what_they_say", NO),
    "board_table_{}": (OURS + "a_row_is_looked_at_opened_and_used_as_a_or_b", OURS + "a_row_that_is_not_there"),
    "board_all": (OURS + "all_columns_are_asked_for", NO),
    "board_csv": (OURS + "the_leaderboard_is_downloaded", NO),
    "cost": (OURS + "a_cost_and_a_point_at_it_are_chosen", NO),
    "pareto": (OURS + "a_cost_and_a_point_at_it_are_chosen", BESIDE),
    "strip": (OURS + "a_query_is_chosen_in_depth", BESIDE),
    "dataset_{}": (OURS + "a_query_is_chosen_in_depth", SETTLED),
    "rival": (OURS + "a_rival_is_chosen", NO),
    # Embeddings
    "map_{}": (MAPS + "every_control_changes_the_map_and_the_address", NO),
    "map_of_{}": (OURS + "a_point_and_a_layer_of_the_map_are_chosen", MAPS + "a_hostile_browser_selects_nothing"),
    "map_layers": (
        OURS + "a_point_and_a_layer_of_the_map_are_chosen",
        OURS + "a_point_and_a_layer_of_the_map_are_chosen",
    ),
    "map_listed": (OURS + "a_line_of_the_map_as_a_table_is_searched_with", NO),
    "map_lines": (OURS + "a_line_of_the_map_as_a_table_is_searched_with", SETTLED),
    "map_selection": (OURS + "a_picture_of_the_selection_becomes_the_query", SETTLED),
    "map_use": (MAPS + "a_selection_of_one_becomes_the_query", NO),
    "page_link together": (
        MAPS + "a_selection_of_several_is_searched_with_live",
        MAPS + "without_pictures_the_map_still_works",
    ),
    "map_csv": (OURS + "a_selection_is_downloaded", NO),
    "map_zip": (OURS + "a_selection_is_downloaded", OURS + "a_selection_whose_picture_has_gone_is_downloaded"),
    "map_find": (MOVERS + "a_picture_is_found_by_class_file_and_number", NO),
    "map_find_text": (
        MOVERS + "a_picture_is_found_by_class_file_and_number",
        MOVERS + "what_is_not_there_is_not_found",
    ),
    "map_found": (MOVERS + "a_picture_that_was_found_becomes_the_query", SETTLED),
    "map_movers": (MOVERS + "the_pictures_that_moved_most_are_listed", NO),
    "map_movers_layers": (
        MOVERS + "a_layer_is_compared_with_the_current_one",
        MOVERS + "a_layer_that_the_model_has_not",
    ),
    "map_mover_{}_{}": (MOVERS + "a_picture_that_moved_becomes_the_query", SETTLED),
    "map_sheet": (SHEET + "the_sheet_shows_every_picture_in_its_cell", NO),
    "map_sheet_page_{}": (SHEET + "a_large_sheet_is_turned_page_by_page", NO),
    "map_sheet_pictures": (SHEET + "a_picture_of_the_sheet_becomes_the_query", SETTLED),
    "map_report": (MOVERS + "the_report_is_downloaded", MOVERS + "a_report_without_pictures_says_so"),
    # Datasets
    "datasets_list": (DATA + "all_datasets_are_in_one_list", DATA + "a_hostile_browser_chooses_nothing"),
    "datasets_way": (DATA + "a_folder_becomes_a_dataset", DATA + "only_those_who_may_change_anything"),
    "datasets_look": (DATA + "changes_of_the_folder_are_shown_then_done", DATA + "many_that_would_leave_are"),
    "datasets_confirm": (DATA + "many_that_would_leave_are_to_be_confirmed", NO),
    "datasets_apply": (DATA + "changes_of_the_folder_are_shown_then_done", DATA + "what_was_changed_meanwhile"),
    "datasets_not_now": (DATA + "changes_of_the_folder_are_shown_then_done", NO),
    "datasets_browse": (DATA + "pictures_are_chosen_taken_out_and_come_back", DATA + "a_hostile_browser_chooses"),
    "datasets_strip": (DATA + "pictures_get_another_class", DATA + "a_hostile_browser_chooses_nothing"),
    "datasets_class": (DATA + "pictures_get_another_class", NO),
    "datasets_new_class": (DATA + "pictures_get_another_class", DATA + "pictures_get_another_class"),
    "datasets_relabel": (DATA + "pictures_get_another_class", DATA + "pictures_get_another_class"),
    "datasets_remove": (DATA + "pictures_are_chosen_taken_out_and_come", DATA + "what_was_changed_meanwhile_is_not"),
    "datasets_none": (DATA + "pictures_get_another_class", NO),
    "datasets_undo": (DATA + "pictures_are_chosen_taken_out_and_come", DATA + "pictures_are_chosen_taken_out_and_come"),
    "datasets_name": (DATA + "a_folder_becomes_a_dataset", DATA + "what_cannot_become_a_dataset_says_why"),
    "datasets_folder": (DATA + "a_folder_becomes_a_dataset", DATA + "what_cannot_become_a_dataset_says_why"),
    "datasets_create": (DATA + "a_folder_becomes_a_dataset", DATA + "what_cannot_become_a_dataset_says_why"),
    "datasets_title": (DATA + "pictures_are_uploaded_into_a_dataset", NO),
    "page_link 'Search in it'": (DATA + "the_list_of_a_dataset_is_saved", NO),
    "datasets_delete": (DATA + "a_dataset_is_deleted_and_brought_back", NO),
    "datasets_delete_now": (DATA + "a_dataset_is_deleted_and_brought_back", DATA + "what_cannot_be_done_is_said"),
    "datasets_restore_{}": (DATA + "a_dataset_is_deleted_and_brought_back", DATA + "what_cannot_be_done_is_said"),
    "datasets_check": (DATA + "labels_that_neighbours_disagree_with_are", DATA + "pictures_found_by_nobody_are_shown"),
    "datasets_choose_copies": (DATA + "pictures_found_by_nobody_are_shown", NO),
    "datasets_label_right": (DATA + "labels_that_neighbours_disagree_with_are", DATA + "look_alikes_are_decided_side"),
    "datasets_alike": (DATA + "look_alikes_are_decided_side_by_side", DATA + "look_alikes_are_decided_side_by_side"),
    "datasets_group": (DATA + "look_alikes_are_decided_side_by_side", NO),
    "datasets_keep": (DATA + "look_alikes_are_decided_side_by_side", DATA + "look_alikes_are_decided_side_by_side"),
    "datasets_keep_one": (DATA + "look_alikes_are_decided_side_by_side", DATA + "look_alikes_are_decided_side_by_side"),
    "datasets_take": (DATA + "the_list_of_a_dataset_is_saved", NO),
    "datasets_parquet": (DATA + "a_dataset_is_taken_along", DATA + "a_dataset_is_taken_along"),
    "datasets_backup": (DATA + "a_dataset_is_taken_along", DATA + "a_dataset_is_taken_along"),
    "datasets_export": (DATA + "the_list_of_a_dataset_is_saved", NO),
    # why a match is one
    "dialog ui.why.panel.answer": (WHY + "a_match_is_explained", WHY + "a_failure_is_told_in_the_dialog"),
    "why_question": (WHY + "both_questions_are_answered_where_the_metric_has_both", NO),
    "why_again": (WHY + "a_failure_is_told_in_the_dialog", WHY + "a_failure_is_told_in_the_dialog"),
    "why_than": (WHY + "one_is_above_another", WHY + "a_hostile_link_opens_nothing"),
    # Live search
    "live_way": (LIVE + "the_camera_is_there_only_when_chosen", NO),
    "live_new": (LIVE + "pictures_are_liked_unliked_removed_and_brought_back", NO),
    "live_browse": (LIVE + "browsing_offers_pictures_of_every_dataset", UNWRITABLE),
    "dialog ui.live.sources.browse": (LIVE + "browsing_offers_pictures_of_every_dataset", UNWRITABLE),
    "live_browse_dataset": (OURS + "another_dataset_class_and_page_are_browsed", NO),
    "{}_class_{}": (OURS + "another_dataset_class_and_page_are_browsed", NO),
    "{}_page_{}_{}": (OURS + "another_dataset_class_and_page_are_browsed", NO),
    "{}_pictures": (OURS + "a_picture_of_another_dataset_is_searched_with", LIES),
    "live_upload": (LIVE + "uploaded_pictures_are_the_query", LIVE + "a_bad_file_among_several_loses_none"),
    "live_settings": (LIVE + "choices_go_into_the_question_and_the_address", NO),
    "grey": (LIVE + "colour_is_ignored_in_query_dataset_and_answer", NO),
    "live_link": (LIVE + "a_link_in_the_address_is_filled_in_and_not_fetched", LIVE + "why_a_link_gives_no_picture"),
    "live_fetch": (LIVE + "a_link_goes_through_the_guarded_door_alone", LIVE + "why_a_link_gives_no_picture_is_told"),
    "live_camera_{}": (LIVE + "the_camera_is_there_only_when_chosen", OURS + "a_photo_that_cannot_be_read_is_told"),
    "live_flip_{}": (LIVE + "pictures_are_liked_unliked_removed_and_brought_back", NO),
    "live_crop_{}": (OURS + "a_part_is_drawn_and_counts", OURS + "a_picture_that_has_gone_cannot_be_cropped"),
    "dialog ui.live.query.crop": (
        OURS + "a_part_is_drawn_and_counts",
        OURS + "a_picture_that_has_gone_cannot_be_cropped",
    ),
    "live_box_{}": (OURS + "a_part_is_drawn_and_counts", LIVE + "a_box_that_is_none_is_refused"),
    "live_remove_{}": (LIVE + "pictures_are_liked_unliked_removed_and_brought_back", NO),
    "live_unmark_{}": (LIVE + "marks_are_chips_that_can_be_taken_back", NO),
    "live_undo": (LIVE + "each_change_of_the_query_is_undone_by_one_press", NO),
    "live_clear": (LIVE + "pictures_are_liked_unliked_removed_and_brought_back", NO),
    "index": (LIVE + "choices_go_into_the_question_and_the_address", NO),
    "live_use_best": (LIVE + "the_best_configuration_is_one_click_away_and_says_why", NO),
    "live_matches": (OURS + "a_match_is_searched_with_or_marked", LIES),
    "live_open": (LIVE + "the_map_is_drawn_once_it_is_opened", NO),
    "live_map": (OURS + "a_point_of_the_live_map_is_searched_with", BESIDE),
    "live_again": (LIVE + "every_failure_is_told_in_words", OURS + "a_search_that_fails_again_is_told_again"),
    "live_back": (LIVE + "every_failure_is_told_in_words", NO),
    "live_drop": (OURS + "a_search_that_fails_again_is_told_again", NO),
    "live_get": (LIVE + "a_model_is_pulled_in_the_page", OURS + "a_pull_that_failed_is_tried_again"),
    "live_cancel": (OURS + "a_pull_is_cancelled", NO),
    # Index lab
    "lab_measure": (
        LAB + "a_second_measurement_waits_for_the_first",
        LAB + "what_cannot_be_measured_is_said_in_words_and_tried_again",
    ),
    "lab_cancel": (LAB + "a_measurement_is_watched_by_all_and_cancelled_by_whoever", NO),
    "lab_memory": (LAB + "a_budget_changes_what_is_recommended_or_says_that_nothing_fits", NO),
    "lab_ms": (LAB + "a_budget_changes_what_is_recommended_or_says_that_nothing_fits", NO),
    "lab_use": (LAB + "the_recommended_index_is_used_by_live_search", NO),
    "lab_table": (LAB + "any_index_of_the_table_is_used_by_live_search", LAB + "a_hostile_browser_adopts_nothing"),
    "page_link 'Get the model in Live search'": (LAB + "without_the_model_the_way_to_it_is_named", NO),
    # Model explorer
    "explorer_network": (EXPLORER + "a_box_of_the_drawing_is_looked_at", EXPLORER + "a_hostile_browser_looks_at"),
    "explorer_table": (EXPLORER + "a_line_of_the_table_is_looked_at", EXPLORER + "a_hostile_browser_looks_at"),
    "explorer_worth": (EXPLORER + "a_layer_is_chosen_by_its_score_and_cost", NO),
    "explorer_cost": (EXPLORER + "a_layer_is_chosen_by_its_score_and_cost", NO),
    "explorer_pareto": (EXPLORER + "a_layer_is_chosen_by_its_score_and_cost", EXPLORER + "a_hostile_browser_looks_at"),
    "explorer_channels": (CHANNELS + "a_card_or_a_number_chooses", CHANNELS + "a_hostile_browser_chooses"),
    "explorer_rank": (CHANNELS + "a_dataset_is_ranked", CHANNELS + "a_dataset_is_not_ranked"),
    "explorer_also_{}": (CHANNELS + "a_dataset_is_not_ranked", NO),
    "explorer_kind_{}": (CHANNELS + "a_strip_for_each_kind", CHANNELS + "a_strip_for_each_kind"),
    "explorer_kinds": (CHANNELS + "channels_of_one_kind_alone", NO),
    "explorer_channel_{}_{}": (CHANNELS + "a_card_or_a_number_chooses", NO),
    "make": (CHANNELS + "a_picture_is_made_shown", CHANNELS + "a_failure_is_told"),
    "make_cancel": (CHANNELS + "a_picture_can_be_cancelled", NO),
    "make_download": (CHANNELS + "a_picture_is_made_shown", NO),
    "make_size": (CHANNELS + "settings_of_the_address", NO),
    "make_steps": (CHANNELS + "settings_of_the_address", NO),
    "make_seed": (CHANNELS + "settings_of_the_address", NO),
    "make_smooth": (CHANNELS + "settings_of_the_address", NO),
    "make_moves": (CHANNELS + "settings_of_the_address", NO),
    "make_clear": (CHANNELS + "settings_of_the_address", NO),
    "make_share": (CHANNELS + "settings_of_the_address", NO),
    "make_of_{}": (CHANNELS + "settings_of_the_address", NO),
    "make_other_{}": (CHANNELS + "settings_of_the_address", NO),
    "make_what": (CHANNELS + "the_query_is_accentuated", NO),
    "explorer_own_file": (OWN + "a_network_is_added", OWN + "what_is_wrong_is_said"),
    "explorer_own_title": (OWN + "a_title_and_a_side_are_taken", OWN + "a_title_and_a_side_are_taken"),
    "explorer_own_treated": (OWN + "a_network_is_added", OWN + "what_is_wrong_is_said"),
    "explorer_own_side": (OWN + "a_title_and_a_side_are_taken", OWN + "a_title_and_a_side_are_taken"),
    "explorer_own_add": (OWN + "a_network_is_added", OWN + "what_is_wrong_is_said"),
    "explorer_own_remove": (OWN + "a_network_is_added", NO),
    "explorer_own_keep": (OWN + "a_network_is_added", NO),
    "explorer_own_gone": (OWN + "a_network_is_added", NO),
    "explorer_query": (ANSWERS + "the_channels_that_answer_most", ANSWERS + "what_fails_is_told_in_its_place"),
    "explorer_upload": (ANSWERS + "a_picture_of_the_visitor", ANSWERS + "a_file_that_is_no_picture_is_refused"),
    "explorer_answers": (ANSWERS + "a_channel_is_looked_at", ANSWERS + "a_hostile_browser_looks_at_no_channel"),
    "page_link 'Get the weights in Live search'": (EXPLORER + "without_weights_the_way_to_them_is_named", NO),
    # Guide
    "page_link f'Open {title} in the Model explorer'": (GUIDE + "without_stored_channels_the_guide_names", NO),
    "guide_example": (GUIDE + "my_query_tells_the_story_too", NO),
    "guide_varied": (GUIDE + "other_measures_and_how_many_matches_they_share", NO),
    "{}_matches": (OURS + "a_picture_of_the_guide_leads_to_search", SETTLED),
    "page_link label": (GUIDE + "links_of_the_guide_carry_the_configuration", NO),
    "page_link 'Open the map'": (OURS + "the_guide_links_to_the_map", NO),
    "welcome_again": (GUIDE + "the_orientation_can_be_put_away_and_called_back", NO),
    "welcome_close": (GUIDE + "the_orientation_can_be_put_away_and_called_back", NO),
    "welcome_reopen": (GUIDE + "the_orientation_stays_away_by_its_link_and_comes_back", NO),
}
"""By key: the test of its success and that of its failure, each by the beginning of its name."""
SAID = {
    "explorer_worth": "worth(",
    "explorer_own_file": "asked(",
    "explorer_own_title": "own.TITLE",
    "explorer_own_treated": "asked(",
    "explorer_own_side": "own.SIDE",
    "explorer_own_add": "asked(",
    "{}_{}": "next_layer",
    "search_{}": "search_next",
    "board_table_{}": "board_row(",
    "use_{}": "use_b",
    "live_box_{}": "crop(",
    "live_upload": "upload(",
    "explorer_query": "sent(",
    "page_link f'Open {title} in the Model explorer'": "model_explorer",
    "explorer_upload": "upload(",
    "live_settings": "index",
    "live_camera_{}": "camera_input",
    "live_fetch": "fetch(",
    "live_way": "browse(",
    "filter": "classes",
    "map_find": "looked_for(",
    "map_find_text": "looked_for(",
    "export": "export_csv",
    "page_link label": "page_link",
    "page_link together": "page_link",
    "page_link 'Open the map'": "page_link",
    "page_link 'Get the model in Live search'": "page_link",
    "page_link 'Get the weights in Live search'": "page_link",
    "dialog ui.search.panels.browse": "search_browse",
    "dialog ui.live.sources.browse": "live_browse",
    "dialog ui.live.query.crop": "live_crop",
    "dialog ui.why.panel.answer": "ask(",
    "datasets_way": "part=",
    "page_link 'Search in it'": "page_link",
    "{}_page_{}_{}": "live_browse_page",
    "{}_class_{}": "live_browse_class",
}
"""How its test says it, where that is not by its key."""


def sources():
    """The source of each test, by file and name."""
    return {
        f"{path.stem}.{node.name}": ast.unparse(node)
        for path in HERE.rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_whatever_can_be_pressed_is_in_the_table_and_nothing_else():
    assert elements().keys() == PRESSED.keys()


def test_every_press_of_the_table_is_a_test_that_presses_it():
    known = sources()
    for key, (success, failure) in PRESSED.items():
        [source] = [text for name, text in known.items() if name.startswith(success)]
        said = SAID.get(key) or max(key.split("{}"), key=len)
        assert said in source, f"{success} does not press {key}"
        assert not failure or [name for name in known if name.startswith(failure)], f"{key}: no test {failure}"


def choice(app, *names):
    return tuple(app.query_params[name] for name in names or ("model", "layer", "pooling", "metric"))


# Search


def test_a_match_becomes_the_query(store):
    app = open_app(**COMPARED)
    pressing.tell(app, "search_matches", "picked", 4)
    assert app.query_params["q"] == "4" and shown(app, "query")["tiles"][0]["id"] == 4
    pressing.tell(app, "search_matches_b", "picked", 0)
    assert app.query_params["q"] == "0" and 0 not in {tile["id"] for side in sides(app) for tile in side}


def test_a_match_whose_picture_has_gone_becomes_the_query(store, photos):
    app = open_app(q=3)
    shutil.rmtree(photos)
    pressing.tell(app, "search_matches", "picked", 2)
    assert not app.exception and not app.error and app.query_params["q"] == "2"
    assert app.button(key="fetch").label == "Fetch pictures"


def test_a_picture_of_the_dialog_becomes_the_query(store):
    app = open_app(q=3)
    app.button(key="search_browse").click().run()
    pressing.tell(app, "search_pictures", "picked", 5)
    assert app.query_params["q"] == "5" and not [one for one in components(app) if one.get("look") == "pictures"]


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_the_matches_on_screen_are_downloaded(store, monkeypatch):
    given = pressing.downloads(monkeypatch)
    open_app(q=3, metric="euclidean", classes="apple")
    rows = rows_of(given["export_csv"]())
    assert [(row["rank"], row["item"], row["class"]) for row in rows] == [("1", "4", "apple"), ("2", "5", "apple")]


def test_a_layer_is_looked_at_by_the_slider(store):
    """The last layer is what the sidebar says; the small world is the same at every layer."""
    app = open_app(view="All models", cells="Layer by layer", q=3, metric="euclidean")
    assert any("Alike in whole things" in one.value for one in app.markdown)
    app.select_slider(key="depth").set_value("1").run()
    assert app.session_state["depth"] == "1" and not app.exception
    assert any("Alike in colours and edges" in one.value and "**2** · 2 · 2" in one.value for one in app.markdown)
    assert [tile["id"] for tile in shown(app, "strip")["tiles"]] == [3, 4, 5, 0, 1, 2]
    assert choice(app, "layer") == (small_world.LAST["mobilenetv2"],), "the sidebar stays as it is"
    app.button(key="open_matches").click().run()
    assert choice(app, "layer") == (small_world.catalog.model("mobilenetv2").layer_names[0],)


def test_a_layer_that_is_not_there_is_left(store):
    app = open_app(view="All models", cells="Layer by layer", q=3, depth="99")
    assert not app.exception and app.select_slider(key="depth").value == "8"


def test_a_view_of_the_best_is_chosen(store):
    app = open_app(view="All models", q=3)
    app.segmented_control(key="best").set_value("both").run()
    assert app.session_state["best"] == "both" and not app.exception and not app.error
    linked = open_app(view="All models", q=3, best="Best of both").dataframe[0].value
    plain = open_app(view="All models", q=3).dataframe[0].value
    assert linked.equals(app.dataframe[0].value) and (linked.iloc[:, 1:] >= plain.iloc[:, 1:]).all(axis=None)


def preview(app):
    return shown(app, "strip")["tiles"]


def test_a_click_shows_the_matches_where_it_is_made(store):
    app = open_app(view="All models", q=3, model="vgg16", metric="euclidean")
    assert [tile["id"] for tile in preview(app)] == [3, *(item for item, _ in small_world.RANKINGS["vgg16"])]
    assert [tile.get("verdict") for tile in preview(app)] == [None, "wrong", "wrong", "right", "right", "wrong"]
    pressing.tell(app, "preview", "picked", 0)
    assert app.query_params["q"] == "0" and preview(app)[0]["id"] == 0


def test_a_cell_of_the_heat_map_leads_to_its_configuration_and_shows_its_matches(store):
    app = open_app(view="All models", q=3, model="vgg16", metric="euclidean")
    board = resources.board("world")
    spec = FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "avg")
    pressing.click_mark(app, "everywhere", board.row(Experiment("world", spec, "euclidean")))
    assert choice(app, "model", "layer", "metric") == (spec.model, spec.layer, "euclidean") and not app.exception
    assert [tile["id"] for tile in preview(app)] == [3, *(item for item, _ in small_world.RANKINGS["mobilenetv2"])]
    app.button(key="open_matches").click().run()
    assert app.segmented_control(key="view").value == "Matches"


def test_a_cell_of_the_table_leads_to_its_configuration(store):
    app = open_app(view="All models", q=3)
    row = app.dataframe[0].value["Model"].tolist().index("VGG16")
    pressing.select_in_table(app, "everywhere_table", cells=[[row, "3"]])
    layers = [layer.name for layer in small_world.catalog.model("vgg16").layers]
    assert choice(app, "model", "layer") == ("vgg16", layers[2])


def test_a_table_or_chart_is_clicked_beside_a_mark(store):
    app = open_app(view="All models", q=3)
    before = choice(app)
    for number in (-1, 10**6, "7", [1], None):
        pressing.click_mark(app, "everywhere", number)
        assert not app.exception and choice(app) == before
    pressing.select_in_table(app, "everywhere_table", cells=[[99, "3"], [0, "Model"]])
    assert not app.exception and choice(app) == before


def test_the_rank_of_an_expected_picture_is_shown_everywhere(store):
    app = open_app(view="All models", q=3, model="vgg16", metric="euclidean")
    app.segmented_control(key="cells").set_value("rank").run()
    app.number_input(key="expected").set_value(5).run()
    cells = app.dataframe[0].value.set_index("Model")
    assert cells.loc["MobileNetV2"].tolist() == [2] * 8 and cells.loc["VGG16"].tolist() == [4] * 8
    assert "apple, picture 5**: best rank **2** in 8 of 16 cells, **4** with the layer" in words(app)
    assert [tile["id"] for tile in preview(app) if tile.get("current")] == [5]
    assert "Picture 5 is number 4: 2 of the 3 before it are wrong" in words(app)
    linked = open_app(view="All models", q=3, model="vgg16", metric="euclidean", cells="Rank of a picture", expected=5)
    assert linked.dataframe[0].value.equals(app.dataframe[0].value)


def test_an_expected_picture_is_chosen_out_of_all(store):
    app = open_app(view="All models", q=3, cells="Rank of a picture")
    assert "apple, picture 4**" in words(app), "to begin with the next one of the query's class"
    app.button(key="expected_browse").click().run()
    pressing.tell(app, "search_pictures", "picked", 2)
    assert app.number_input(key="expected").value == 2 and app.query_params["q"] == "3" and not app.exception


def test_a_lie_about_the_expected_picture_changes_nothing(store):
    for lie in (99, -1, "x"):
        app = open_app(view="All models", q=3, cells="Rank of a picture", expected=lie)
        assert "apple, picture 4**" in words(app) and not app.exception and not app.error
    for lie in (99, "2", None, [2]):
        app.button(key="expected_browse").click().run()
        pressing.tell(app, "search_pictures", "picked", lie)
        assert "apple, picture 4**" in words(app) and not app.exception and not app.error


def words(app):
    return " ".join(text.value.replace("\\", "") for text in app.markdown)


def test_a_part_of_the_dataset_is_chosen(store):
    app = open_app(view="Whole dataset")
    for part, column in (("experiment", "Class of the query"), ("difference", "Verdict"), ("board", "Rank")):
        app.segmented_control(key="part").set_value(part).run()
        assert column in app.dataframe[0].value.columns and not app.exception and not app.error


def board_row(app, *places):
    key = app.get("dataframe")[0].proto.id.rsplit("-", 1)[1]
    pressing.select_in_table(app, key, rows=list(places))


def test_a_row_is_looked_at_opened_and_used_as_a_or_b(store):
    app = open_app(view="Whole dataset", q=3, model="vgg16", metric="euclidean")
    before, rows = choice(app), app.dataframe[0].value
    assert (rows["Use"].tolist()[:2], rows["Model"][0]) == (["A", ""], "VGG16")
    place = rows.index[(rows["Model"] == "MobileNetV2") & (rows["Metric"] == "Euclidean")][0]
    board_row(app, int(place))
    assert choice(app) == before, "a look changes nothing"
    assert [tile["id"] for tile in preview(app)] == [3, *(item for item, _ in small_world.RANKINGS["mobilenetv2"])]
    app.button(key="use_b").click().run()
    assert choice(app) == before and app.query_params["b_model"] == "mobilenetv2"
    assert app.dataframe[0].value["Use"].tolist()[:3] == ["A", "B", ""]
    board_row(app, 1)
    app.button(key="use_a").click().run()
    assert choice(app, "model") == ("mobilenetv2",) and app.button(key="use_a").disabled
    board_row(app, 2)
    third = app.dataframe[0].value.iloc[2]
    app.button(key="open_matches").click().run()
    assert app.segmented_control(key="view").value == "Matches" and choice(app, "layer") == (third["Layer name"],)


def test_a_row_that_is_not_there_is_not_looked_at(store):
    app = open_app(view="Whole dataset", q=3)
    before = preview(app)
    for lie in ([10**6], [-1], ["1"], []):
        board_row(app, *lie)
        assert not app.exception and preview(app) == before


def test_all_columns_are_asked_for(store):
    app = open_app(view="Whole dataset")
    few = list(app.get("dataframe")[0].proto.column_order)
    assert "mAP" not in few and few[:3] == ["Use", "Rank", "Model"]
    app.toggle(key="board_all").set_value(True).run()
    assert not list(app.get("dataframe")[0].proto.column_order) and "mAP" in app.dataframe[0].value


def test_the_leaderboard_is_downloaded(store, monkeypatch):
    given = pressing.downloads(monkeypatch)
    app = open_app(view="Whole dataset")
    rows = rows_of(given["board_csv"]())
    scores = app.dataframe[0].value["Score"].tolist()
    assert len(rows) == len(scores) == 384
    assert [float(row["Score"]) for row in rows] == sorted(scores, reverse=True)


def test_a_cost_and_a_point_at_it_are_chosen(store):
    app = open_app(view="Whole dataset")
    app.segmented_control(key="cost").set_value("dimension").run()
    assert app.session_state["cost"] == "dimension" and not app.exception
    before, board = choice(app), resources.board("world")
    pressing.click_mark(app, "pareto", 7)
    assert choice(app) == before
    app.button(key="use_a").click().run()
    assert choice(app, "model", "layer", "metric") == (board.specs[7].model, board.specs[7].layer, board.metrics[7])


def test_a_query_is_chosen_in_depth(store):
    app = open_app(view="Whole dataset", part="Details", q=3)
    pressing.click_mark(app, "strip", 5)
    assert app.query_params["q"] == "5" and not app.exception
    pressing.tell(app, "dataset_worst", "picked", 2)
    assert app.query_params["q"] == "2" and preview(app)[0]["id"] == 2 and not app.exception
    pressing.tell(app, "dataset_best", "picked", 1)
    assert app.query_params["q"] == "1"


def test_a_rival_is_chosen(store):
    app = open_app(view="Whole dataset", part="A vs B")
    board, box = resources.board("world"), app.selectbox(key="rival")
    row = int(board.score.argsort(kind="stable")[::-1][0])
    box.select_index(20).run()
    assert app.selectbox(key="rival").value != row and not app.exception and not app.error
    assert app.dataframe[0].value["Class"].tolist() == ["All classes", "<b>pear", "apple"]


# Embeddings


def open_map(**address):
    app = open_app()
    app.switch_page("pages/embeddings.py")
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.run()


def test_a_point_and_a_layer_of_the_map_are_chosen(store):
    app = open_map(q=3)
    pressing.tell(app, "map_of_world", "picked", 4)
    assert app.query_params["q"] == "4" and not app.exception
    pressing.tell(app, "map_layers", "settled", 2)
    layers = [layer.name for layer in small_world.catalog.model("mobilenetv2").layers]
    assert app.query_params["layer"] == layers[2]
    for lie in (99, -1, None, "2", [2], {"a": 1}):
        pressing.tell(app, "map_layers", "settled", lie)
        assert not app.exception and app.query_params["layer"] == layers[-1]


def test_a_line_of_the_map_as_a_table_is_searched_with(store):
    """The query, its matches, then by class; muted classes are not in it, and nothing is sent before it is opened."""
    app = open_map(q=3, metric="euclidean", model="vgg16")
    assert not [data for data in components(app) if "lines" in data]
    app.session_state["map_listed"] = True
    [listed] = [data for data in components(app.run()) if "lines" in data]
    assert [line[0] for line in listed["lines"]] == [3, *(item for item, _ in small_world.RANKINGS["vgg16"])]
    assert listed["lines"][0][1:3] == ["Picture 3: search with it", "apple"] and listed["lines"][0][-1] == "query"
    assert [line[-1] for line in listed["lines"][1:]] == ["1", "2", "3", "4", "5"]
    assert all(len(line[3].split(", ")) == 2 and line[4].endswith(" of 2") for line in listed["lines"])
    app.session_state["map_of_world"] = {"muted": [0]}
    [listed] = [data for data in components(app.run()) if "lines" in data]
    assert {line[2] for line in listed["lines"]} == {"apple"}
    pressing.tell(app, "map_lines", "picked", 4)
    assert app.query_params["q"] == "4" and not app.exception


def test_a_picture_of_the_selection_becomes_the_query(store):
    app = open_map(q=3)
    app.session_state["map_of_world"] = {"selected": [1, 5]}
    pressing.tell(app.run(), "map_selection", "picked", 5)
    assert app.query_params["q"] == "5" and not app.exception


def selected(app, ids):
    app.session_state["map_of_world"] = {"selected": ids}
    return app.run()


def test_a_selection_is_downloaded(store, photos, monkeypatch):
    given = pressing.downloads(monkeypatch)
    app = open_map(q=3)
    assert given["map_csv"] is None and given["map_zip"] is None
    selected(app, [1, 5])
    assert [row["picture"] for row in rows_of(given["map_csv"]())] == ["1", "5"]
    with zipfile.ZipFile(io.BytesIO(given["map_zip"]())) as archive:
        assert archive.read("apple/3.bmp") == (photos / "apple" / "3.bmp").read_bytes()
        assert sorted(archive.namelist()) == ["_b_pear/11.bmp", "apple/3.bmp"]


def test_a_selection_whose_picture_has_gone_is_downloaded(store, photos, monkeypatch):
    given = pressing.downloads(monkeypatch)
    selected(open_map(q=3), [1, 5])
    (photos / "apple" / "3.bmp").unlink()
    with zipfile.ZipFile(io.BytesIO(given["map_zip"]())) as archive:
        assert sorted(archive.namelist()) == ["MISSING.txt", "_b_pear/11.bmp"]
    resources._pictured.clear()  # as after SOON seconds
    selected(open_map(q=3), [1, 5])
    assert given["map_zip"] is None


# Live search


def another(tmp_path):
    for place in (2, 3):
        write_bmp(tmp_path / "other" / f"thing{place}" / f"{place}.bmp", (9, 15 * place, 9))
    datasets.add("other", tmp_path / "other")
    resources._pictured.clear()


def browsed(app):
    return [tile["id"] for one in components(app) if one.get("look") == "pictures" for tile in one["tiles"]]


def test_another_dataset_class_and_page_are_browsed(service, tmp_path, monkeypatch):
    another(tmp_path)
    monkeypatch.setattr(browsing, "PAGE", 4)
    app = open_live(q=3)
    app.button(key="live_browse").click().run()
    assert browsed(app) == [0, 1, 2, 3]
    for chosen, expected in (
        ({"live_browse_page_world_-1": 2}, [4, 5]),
        ({"live_browse_class_world": 1}, [3, 4, 5]),
        ({"live_browse_dataset": "other", "live_browse_class_other": 1}, [1]),
    ):
        app.button(key="live_browse").click()
        for key, value in chosen.items():
            app.session_state[key] = value
        assert browsed(app.run()) == expected and not app.exception


def test_a_picture_of_another_dataset_is_searched_with(service, tmp_path):
    another(tmp_path)
    app = open_live(q=3)
    app.button(key="live_browse").click()
    app.session_state["live_browse_dataset"] = "other"
    app.run()
    app.button(key="live_browse").click()
    pressing.tell(app, "live_browse_pictures", "picked", 1)
    assert not app.exception and browsed(app) == []
    assert ranking(app) == found(picture(3)) and app.query_params["with"] == "like.other.1"
    app.segmented_control(key="live_new").set_value("adds").run()
    app.button(key="live_browse").click()
    app.session_state["live_browse_dataset"] = "other"
    app.run()
    app.button(key="live_browse").click()
    pressing.tell(app, "live_browse_pictures", "picked", 0)
    assert ranking(app) == found([Example(picture(3)), Example(picture(2))])


def test_a_photo_that_cannot_be_read_is_told(service):
    app = open_live(q=3)
    [camera] = browse(app, "Camera").camera_input
    app.button(key="live_browse").click()
    camera.set_value(("photo.jpg", b"no photo", "image/jpeg")).run()
    assert refused(app)[0].startswith("Photo is not a picture that can be read here") and ranking(app) == found(3)


def crop(app, box):
    app.button(key="live_crop_world-3").click()
    return pressing.tell(app, "live_box_world-3", "cropped", box)


def test_a_part_is_drawn_and_counts(service, photos):
    app = open_live(q=3)
    app.button(key="live_crop_world-3").click().run()
    [drawn] = [one for one in components(app) if "box" in one]
    assert drawn["box"] == [0, 0, 1, 1] and drawn["src"].startswith("data:image/jpeg;base64,")
    for lie in ([0.5, 0, 0.5, 1], "x", [1], {"left": 0}):
        app.button(key="live_crop_world-3").click().run()
        crop(app, lie)
        assert not app.exception and app.query_params["with"] == "q"
    assert ranking(app) == found(3)
    app.button(key="live_crop_world-3").click().run()
    crop(app, [0, 0, 0.5, 1])
    half = Example(photos / "apple" / "0.bmp", crop=(0, 0, 0.5, 1))
    assert ranking(app) == found([half], exclude=frozenset([3]))
    assert app.query_params["with"] == "like.3~0-0-500-1000" and not [one for one in components(app) if "box" in one]


def test_a_picture_that_has_gone_cannot_be_cropped(service, photos, told_everywhere):
    app = open_live(q=3)
    (photos / "apple" / "0.bmp").unlink()
    app.button(key="live_crop_world-3").click().run()
    assert not app.exception
    assert any("picture" in error.value and "is not here" in error.value for error in app.error)
    app.button(key="start_again").click().run()
    assert not app.exception


def test_a_match_is_searched_with_or_marked(service):
    app = open_live(q=3)
    pressing.tell(app, "live_matches", "marked", {"id": 4, "more": True})
    pressing.tell(app, "live_matches", "marked", {"id": 2, "more": False})
    assert ranking(app) == found([Example(3), Example(4, MORE), Example(2, LESS)])
    pressing.tell(app, "live_matches", "picked", 5)
    assert ranking(app) == found(5) and app.query_params["q"] == "5"
    for lie in ({"id": 4}, {"more": True}, 4, None, [4]):
        pressing.tell(app, "live_matches", "marked", lie)
        assert not app.exception and not query_pictures.in_session() and ranking(app) == found(5)


def test_a_point_of_the_live_map_is_searched_with(service):
    app = with_map(open_live(q=3))
    pressing.click_mark(app, "live_map", 1)
    assert ranking(app) == found(1) and app.query_params["q"] == "1"


def test_a_search_that_fails_again_is_told_again(service, monkeypatch):
    app = upload(open_live(q=3), ("mine.jpg", jpeg(2)))
    monkeypatch.setattr(service, "_capacity", 0)
    for _ in range(2):
        (app.button(key="live_again").click() if app.error else app).run()
        assert app.error[0].proto.title == "The server is busy" and not app.exception
    monkeypatch.setattr(service, "_capacity", 96)
    app.button(key="live_drop").click().run()
    assert not app.error and ranking(app) == found(3)


def test_a_pull_that_failed_is_tried_again(service, monkeypatch):
    missing(monkeypatch)
    tries = []

    def pull(model, *, progress):
        tries.append(model)
        progress(5, 10)
        if len(tries) == 1:
            raise WeightsUnavailable("no source could give them")
        if len(tries) == 2:
            raise OSError(28, "No space left on device")
        monkeypatch.setattr(weights, "status", lambda model: WEIGHTS_HERE)

    monkeypatch.setattr(weights, "pull", pull)
    app = open_live(q=3, model="vgg16")
    for sentence in ("No connection to where it comes from", "the disk is full"):
        app.button(key="live_get").click().run()
        assert not app.exception and sentence in app.error[0].value.replace("\\", "")
        assert not app.get("progress") and "live_cancel" not in {button.key for button in app.button}
    assert tries == ["vgg16"] * 2 and not app.run().error and len(tries) == 2
    app.button(key="live_get").click().run()
    assert tries == ["vgg16"] * 3 and not app.error and len(ranking(app)) == 5


def test_a_pull_is_cancelled(service, monkeypatch):
    missing(monkeypatch)
    tries = []

    def pull(model, *, progress):
        tries.append(model)
        progress(5_000_000, 10_000_000)
        raise StopException  # as the run is on screen while the weights come

    monkeypatch.setattr(weights, "pull", pull)
    app = open_live(q=3, model="vgg16")
    app.button(key="live_get").click().run()
    assert not app.exception and not app.error
    assert [bar.proto.text for bar in app.get("progress")] == ["5.0 of 10.0 MB, then they are checked"]
    app.button(key="live_cancel").click().run()
    assert tries == ["vgg16"] and not app.get("progress") and not app.exception
    assert "live_cancel" not in {button.key for button in app.button}
    assert app.button(key="live_get").label == "Get the model"


# Guide


def open_guide():
    app = open_app(q=3, metric="euclidean")
    return app.switch_page("pages/guide.py").run()


def test_a_picture_of_the_guide_leads_to_search(store):
    app = open_guide()
    pressing.tell(app, "guide_layer_0_matches", "picked", 4)
    first = small_world.catalog.model("mobilenetv2").layers[0].name
    assert [title.value for title in app.title] == ["Search"] and not app.exception
    assert choice(app, "q", "layer") == ("4", first)


def test_the_guide_links_to_the_map(store):
    links = {link.proto.label: link.proto for link in open_guide().get("page_link")}
    assert links["Open the map"].page.endswith("map") and "metric=euclidean" in links["Open the map"].query_string
