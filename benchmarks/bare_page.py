"""The page that `benchmarks.pages` compares with: plain Plotly charts, a slider in the sidebar.

The address sets the number of charts and how many follow the slider: `/?charts=3&follow=2`.
"""

import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
n_charts, n_following = (int(st.query_params[name]) for name in ("charts", "follow"))
factor = st.sidebar.slider("Factor", 1, 100, 50)
for chart in range(n_charts):
    slope = factor if chart < n_following else 1
    line = go.Scatter(x=list(range(50)), y=[slope * x for x in range(50)])
    st.plotly_chart(go.Figure(line), key=f"chart_{chart}")
